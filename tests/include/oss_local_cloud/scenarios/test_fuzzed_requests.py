"""A thousand requests over real sockets, most of them nonsense: each is answered, none with a 500 or a traceback.

Many are rightly signed, so that the nonsense reaches what lies behind the signatures. The thousand are the same in
every run (derandomised); whatever one of them leaves behind, the next ones meet.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.client import HTTPResponse
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4
from xml.etree import ElementTree

import oss2
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from oss_local_cloud.imm import app as imm_app
from oss_local_cloud.oss.addressing import parse_request_head
from oss_local_cloud.oss.errors import OssError
from oss_local_cloud.oss.operations import OPERATIONS, Operation
from oss_local_cloud.signatures import acs3, mns, oss_v1, oss_v2, oss_v4
from oss_local_cloud.smq import app as smq_app

ANSWER_SECONDS = 30
"""An answer that takes longer is a hang; the longest wait a request here asks for is a second."""

SECRET = "testSK"
SOURCE = "source.wav"


@dataclass(frozen=True)
class Sent:
    """A request as it goes over the wire, but for Host, Content-Length and the signature named by `signing`."""

    method: str
    path: bytes
    query: bytes
    headers: dict[str, str]
    body: bytes
    signing: str

    @property
    def target(self) -> bytes:
        return self.path + (b"?" + self.query if self.query else b"")


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    body: bytes


# -- what is sent


def words(text: str) -> list[str]:
    """A list, written shortly."""
    return text.split()


TEXT = st.text(max_size=12) | st.sampled_from(
    [
        "",
        "0",
        "1",
        "-1",
        "1e9",
        "99999999999999999999",
        "true",
        "url",
        "%",
        "\x00",
        "../..",
        "中",
        "\U0001f3b5",
        "x" * 1200,
    ]
)
ENCODED = TEXT.map(lambda text: quote(text.encode("utf-8", "replace"), "").encode())
RAW = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=12).map(str.encode)
"""What may stand in a request line as it is; anything else the HTTP server itself refuses."""
HEADER_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=20)
METHODS = st.sampled_from(["GET", "GET", "PUT", "PUT", "POST", "POST", "DELETE", "DELETE", "HEAD", "OPTIONS", "PATCH"])


def queries(names: list[str], values: list[str]) -> st.SearchStrategy[bytes]:
    value = st.sampled_from([quote(value, "").encode() for value in values]) | ENCODED | RAW
    pair = st.builds(lambda name, text: name + b"=" + text, st.sampled_from(names).map(str.encode) | ENCODED, value)
    return st.lists(pair | st.sampled_from(names).map(str.encode), max_size=4).map(b"&".join)


def header_sets(names: list[str], values: list[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(st.sampled_from(names), st.sampled_from(values) | HEADER_TEXT, max_size=4)


def documents(roots: list[str], names: list[str], values: list[str]) -> st.SearchStrategy[bytes]:
    """XML that is nearly right: elements that exist, with texts that may, nested as they may not be."""
    text = st.sampled_from(values) | TEXT.map(lambda value: value.replace("&", "&amp;").replace("<", "&lt;"))

    def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        element = st.builds(lambda name, content: f"<{name}>{content}</{name}>", st.sampled_from(names), inner)
        return st.lists(element, max_size=4).map("".join)

    whole = st.builds(
        lambda root, content: f"<{root}>{content}</{root}>",
        st.sampled_from(roots),
        st.recursive(text, nested, max_leaves=8),
    )
    broken = whole.map(lambda document: document[:-3])
    return (whole | whole | broken).map(lambda document: document.encode("utf-8", "replace"))


OSS_PARAMETERS = words(
    "acl append append partNumber bucketInfo comp continuation-token cors delete delimiter encoding-type fetch-owner"
    " key-marker lifecycle list-type list-type location marker max-keys max-parts max-uploads objectMeta"
    " part-number-marker position prefix prefix restore response-content-type response-expires sealAppend start-after"
    " stat style symlink tagging tagging uploadId uploadId upload-id-marker uploads uploads versionId versioning"
    " x-oss-process x-oss-async-process x-oss-traffic-limit x-oss-ac-source-ip OSSAccessKeyId Expires Signature"
    " x-oss-signature-version x-oss-credential x-oss-date x-oss-expires x-oss-signature x-oss-additional-headers"
)
OSS_VALUES = ["2", "1000", "url", "a/", "/", "audio/info", "audio/convert,f_mp3", "OSS2", "OSS4-HMAC-SHA256", "testAK"]
OSS_HEADERS = words(
    "Content-MD5 Content-Type Cache-Control Expires Range If-Match If-None-Match If-Modified-Since If-Unmodified-Since"
    " x-oss-acl x-oss-callback x-oss-content-sha256 x-oss-copy-source x-oss-copy-source x-oss-copy-source-range"
    " x-oss-copy-source-if-match x-oss-forbid-overwrite x-oss-hash-crc64ecma x-oss-meta-a x-oss-metadata-directive"
    " x-oss-object-acl x-oss-range-behavior x-oss-server-side-encryption x-oss-storage-class"
    " x-oss-symlink-target x-oss-tagging x-oss-tagging-directive x-oss-traffic-limit x-oss-versionId x-oss-date Date"
)
OSS_HEADER_VALUES = [
    "bytes=0-4", "bytes=9-", "bytes=-1", "bytes=5-2", "standard", f"/audio/{SOURCE}", "/audio/", "/audio/x?versionId=1",
    "COPY", "REPLACE", "private", "public-read", "IA", "Archive", "a=b&c=d", "=", "*",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "1B2M2Y8AsgTpgAmY7PhCfg==", "AES256", SOURCE, "0",
]  # fmt: skip
OSS_ELEMENTS = words(
    "Object Key VersionId Quiet TagSet Tag Value Part PartNumber ETag StorageClass DataRedundancyType"
    " Days JobParameters Tier"
)
OSS_ROOTS = words(
    "Delete Tagging CompleteMultipartUpload CreateBucketConfiguration RestoreRequest AccessControlPolicy Other"
)
ACTIONS = [
    "audio/convert", "audio/info", "video/convert", "sys/saveas", "sys/notify", "notify", "saveas", "style/a", "f_mp3",
    "f_opus", "f_", "ss_-1", "ss_10000", "t_60000", "t_x", "ar_44100", "ar_8001", "ac_2", "ac_99", "aq_50", "aq_101",
    "ab_96000", "abopt_3", "adepth_24", "o_ZGVzdA", "o_!!", "o_", "b_YXVkaW8", "b_bWlzc2luZw", "topic_=",
    "topic_YXVkaW8tZG9uZQ",
    "o_" + b64encode(b"{barename}-{t_year}{tags.a}{x").decode(),
]  # fmt: skip
PROCESSES = st.lists(
    st.builds(str.__add__, st.sampled_from(["", ",", "/", "|", "_"]), st.sampled_from(ACTIONS) | TEXT)
).map(lambda parts: "".join(parts).encode("utf-8", "replace"))
OSS_KEYS = ENCODED | RAW | st.sampled_from([SOURCE.encode(), b"a%2F", b"a//b", b"%FF", b"..", b"a/..", b"x" * 1024])
OSS_BODIES = (
    st.binary(max_size=40)
    | documents(OSS_ROOTS, OSS_ELEMENTS, ["1", "0", "a", SOURCE, "IA", "true", "-1", "&#x0;"])
    | PROCESSES.map(b"x-oss-async-process=".__add__)
    | PROCESSES.map(b"x-oss-process=".__add__)
)
OSS_NONSENSE = st.builds(
    Sent,
    METHODS,
    st.sampled_from([b"/", b"/audio", b"/audio/", b"/made-up", b"/made-up/x", b"/UPPER"])
    | OSS_KEYS.map(b"/audio/".__add__)
    | RAW.map(b"/".__add__),
    queries(OSS_PARAMETERS, OSS_VALUES),
    header_sets(OSS_HEADERS, OSS_HEADER_VALUES),
    OSS_BODIES,
    st.sampled_from(["", "broken", "V1", "V2", "V4"]),
)


def with_content_md5(sent: Sent) -> Sent:
    digest = b64encode(hashlib.md5(sent.body).digest()).decode()
    return replace(sent, headers={**sent.headers, "Content-MD5": digest})


def near(operation: Operation) -> st.SearchStrategy[Sent]:
    """Requests for one operation of the table, with values of any kind."""
    path = {"service": st.just(b"/"), "bucket": st.just(b"/audio/")}.get(
        operation.level, (OSS_KEYS | st.just(SOURCE.encode())).map(b"/audio/".__add__)
    )
    value = (st.just("") | st.sampled_from(OSS_VALUES) | TEXT).map(lambda text: quote(text.encode(), "").encode())
    selector = (operation.parameter or "").encode()
    query = st.builds(
        lambda own, other: b"&".join(filter(None, [own, other])),
        value.map((selector + b"=").__add__) if selector else st.just(b""),
        queries(OSS_PARAMETERS, OSS_VALUES) | st.just(b""),
    )
    headers = header_sets(OSS_HEADERS, OSS_HEADER_VALUES)
    if operation.header:
        own = (st.sampled_from(OSS_HEADER_VALUES) | HEADER_TEXT).map(lambda text: {operation.header: text})
        headers = st.builds(lambda some, one: some | one, headers, own)
    sent = st.builds(
        Sent, st.just(operation.method), path, query, headers, OSS_BODIES, st.sampled_from(["V1", "V2", "V4"])
    )
    # Without a Content-MD5 that is right, the documents of DeleteMultipleObjects would never be read.
    return sent.map(with_content_md5) if operation.name == "DeleteMultipleObjects" else sent


OSS_REQUESTS = OSS_NONSENSE | st.sampled_from([one for one in OPERATIONS if one.handler]).flatmap(near)

SMQ_NAMES = [b"audio-done", b"audio-done-queue", b"made-up", b"-", b"x" * 121, b"%00", b"%2F", quote("\u4e2d").encode()]
SMQ_VALUES = ["0", "1", "17", "43201", "65537", "True", "XML", "SIMPLIFIED", "BACKOFF_RETRY", "x" * 70_000]
SMQ_VALUES += [
    "acs:mns:local-1:1000000000000001:queues/audio-done-queue",
    "http://127.0.0.1:9",
    "1-ODU4OTkzNDU5My0xLTg",
]
SMQ_BODIES = st.binary(max_size=40) | documents(
    ["Queue", "Message", "Messages", "Topic", "Subscription", "ReceiptHandles", "Other"],
    words(
        "Message MessageBody DelaySeconds Priority VisibilityTimeout MaximumMessageSize MessageRetentionPeriod"
        " PollingWaitSeconds LoggingEnabled Endpoint NotifyStrategy NotifyContentFormat FilterTag MessageTag"
        " ReceiptHandle"
    ),
    SMQ_VALUES,
)


def near_smq(operation: tuple[str, str]) -> st.SearchStrategy[Sent]:
    """Requests for one operation of SMQ, with values of any kind."""
    method, pattern = operation
    parts = [st.sampled_from(SMQ_NAMES) if part == "*" else st.just(part.encode()) for part in pattern.split("/")]
    names = {
        "POST": [],
        "GET": ["peekonly", "numOfMessages", "waitseconds"],
        "DELETE": ["ReceiptHandle"],
        "PUT": ["ReceiptHandle", "VisibilityTimeout", "metaoverride"],
    }[method]
    return st.builds(
        Sent,
        st.just(method),
        st.tuples(*parts).map(lambda found: b"/" + b"/".join(found)),
        queries(names, ["true", "1", "0", "17", "1-ODU4OTkzNDU5My0xLTg"]) if names else st.just(b""),
        header_sets(
            ["Content-MD5", "Content-Type", "x-mns-prefix", "x-mns-ret-number", "x-mns-marker", "x-mns-with-meta"],
            ["1000", "1001", "true", "audio", "text/xml"],
        ),
        SMQ_BODIES,
        st.just("MNS"),
    )


SMQ_NONSENSE = st.builds(
    Sent,
    METHODS,
    st.lists(RAW, max_size=4).map(lambda parts: b"/" + b"/".join(parts)),
    queries(["peekonly"], ["true"]),
    header_sets(["security-token", "Date", "x-mns-version"], ["2015-06-06", "yesterday"]),
    SMQ_BODIES,
    st.sampled_from(["MNS", ""]),
)
SMQ_REQUESTS = SMQ_NONSENSE | st.sampled_from(sorted(smq_app.OPERATIONS)).flatmap(near_smq)

IMM_PARAMETERS = words(
    "ProjectName TaskType TaskId RequestDefinition MaxResults NextToken Status Sort Order OSSBucket StartTimeRange"
    " StartTimeRange.StartTime EndTimeRange TagSelector SourceURI"
)
IMM_VALUES = ["local-imm", "MediaConvert", "audio", "Running", "100", "101", "desc", "[]", "MediaConvert-x", "true"]
IMM_VALUES += ['{"StartTime":"2024-06-26T10:00:00Z"}', '{"StartTime":1}', '{"EndTime":"9999-99-99T99:99:99Z"}']


def near_imm(action: str) -> st.SearchStrategy[Sent]:
    """Requests for one action of IMM, with values of any kind."""
    values = queries(IMM_PARAMETERS, IMM_VALUES)
    return st.builds(
        Sent,
        st.sampled_from(["GET", "POST", "POST"]),
        st.just(b"/"),
        values.map(b"ProjectName=local-imm&TaskType=MediaConvert&".__add__) | values,
        header_sets(["Content-Type"], ["application/x-www-form-urlencoded", "text/plain"]).map(
            lambda headers: {"x-acs-action": action} | headers
        ),
        st.just(b"") | values,
        st.just("ACS3"),
    )


IMM_NONSENSE = st.builds(
    Sent,
    METHODS,
    RAW.map(b"/".__add__),
    queries(["Action", "Version", *IMM_PARAMETERS], IMM_VALUES),
    header_sets(["x-acs-action", "x-acs-version", "x-acs-signature-nonce", "x-acs-security-token"], ["GetTask"]),
    st.binary(max_size=40),
    st.sampled_from(["ACS3", ""]),
)
IMM_REQUESTS = IMM_NONSENSE | st.sampled_from(sorted(imm_app.OPERATIONS)).flatmap(near_imm)


# -- how it is signed


def signed_for_oss(sent: Sent, host: str) -> Sent:
    """The request signed as its `signing` says; as it is when no object can have its name."""
    now = datetime.now(UTC)
    headers = dict(sent.headers)
    date = now.strftime("%a, %d %b %Y %H:%M:%S GMT")
    if sent.signing == "V4":
        headers |= {"x-oss-date": now.strftime("%Y%m%dT%H%M%SZ"), "x-oss-content-sha256": oss_v4.UNSIGNED_PAYLOAD}
    else:
        headers.pop("x-oss-date", None)
        headers["Date"] = date
    received = {name.lower(): value.strip() for name, value in headers.items()} | {"host": host}
    with contextlib.suppress(OssError):
        request = parse_request_head(sent.method, sent.path, sent.query, received, ())
        with contextlib.suppress(UnicodeEncodeError):
            headers["Authorization"] = {
                "V1": lambda: "OSS testAK:" + oss_v1.signature(SECRET, oss_v1.string_to_sign(request, date)),
                "V2": lambda: (
                    "OSS2 AccessKeyId:testAK,Signature:"
                    + oss_v2.signature(SECRET, oss_v2.string_to_sign(request, date, []))
                ),
                "V4": lambda: _v4(request, headers.get("x-oss-date", "")),
                "broken": lambda: (
                    "OSS4-HMAC-SHA256 Credential=testAK/20261122/local-1/oss/aliyun_v4_request,Signature=0"
                ),
            }[sent.signing]()
    return replace(sent, headers=headers)


def _v4(request: Any, date: str) -> str:
    scope = oss_v4.Scope("testAK", date[:8], "local-1", "oss")
    to_sign = oss_v4.string_to_sign(date, scope, oss_v4.canonical_request(request, []))
    credential = f"testAK/{date[:8]}/local-1/oss/aliyun_v4_request"
    return f"{oss_v4.ALGORITHM} Credential={credential}, Signature={oss_v4.signature(SECRET, scope, to_sign)}"


def signed_for_smq(sent: Sent, host: str) -> Sent:
    date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    headers = {"Date": date, "x-mns-version": "2015-06-06"} | sent.headers
    received = {name.lower(): value.strip() for name, value in headers.items()}
    text = mns.string_to_sign(sent.method, sent.target.decode("latin-1"), received)
    return replace(sent, headers={**headers, "Authorization": "MNS testAK:" + mns.sign(SECRET, text)})


def signed_for_imm(sent: Sent, host: str) -> Sent:
    payload = hashlib.sha256(sent.body).hexdigest()
    own = {"x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "x-acs-content-sha256": payload}
    named = {"x-acs-action": "GetTask", "x-acs-version": "2020-09-30", "x-acs-signature-nonce": uuid4().hex}
    headers = named | sent.headers | own
    received = {name.lower(): value.strip() for name, value in headers.items()} | {"host": host}
    names = sorted(name for name in received if name.startswith("x-acs-") or name == "host")
    path, query = sent.path.decode("latin-1"), sent.query.decode("latin-1")
    signature = acs3.sign(SECRET, acs3.canonical_request(sent.method, path, query, received, names, payload))
    value = f"{acs3.ALGORITHM} Credential=testAK,SignedHeaders={';'.join(names)},Signature={signature}"
    return replace(sent, headers={**headers, "Authorization": value})


# -- what comes back


def exchange(address: str, sent: Sent) -> Answer:
    """Send a request on a connection of its own and read the whole answer."""
    place = urlsplit(address)
    lines = [sent.method.encode() + b" " + sent.target + b" HTTP/1.1", b"Host: " + place.netloc.encode()]
    lines += [name.encode() + b": " + value.encode("latin-1") for name, value in sent.headers.items()]
    lines += [b"Content-Length: " + str(len(sent.body)).encode(), b"Connection: close", b"", sent.body]
    with socket.create_connection((place.hostname, place.port), timeout=ANSWER_SECONDS) as connection:
        connection.sendall(b"\r\n".join(lines))
        with HTTPResponse(connection, method=sent.method) as response:
            response.begin()
            return Answer(response.status, response.headers.get("content-type", ""), response.read())


def check_answer(answer: Answer) -> None:
    assert answer.status != 500, answer
    assert 200 <= answer.status < 600, answer
    if answer.body and "xml" in answer.content_type:
        document = ElementTree.fromstring(answer.body)
        assert answer.status < 400 or any(child.tag.endswith("Code") for child in document.iter()), answer
    if answer.body and "json" in answer.content_type:
        json.loads(answer.body)


@pytest.fixture
def cloud(start_local_cloud: Callable[..., Any]) -> Iterator[Any]:
    """A local cloud with two objects, no audio; one is never named, so that the bucket can't be deleted."""
    started = start_local_cloud()
    bucket = oss2.Bucket(
        oss2.AuthV4("testAK", SECRET), started.oss, started.bucket, region=started.region, session=oss2.Session()
    )
    for key in (SOURCE, "never named"):
        bucket.put_object(key, b"0123456789")
    bucket.session.session.close()
    yield started
    assert "Traceback" not in started.log


@pytest.mark.parametrize(
    ("service", "requests", "sign", "examples"),
    [
        ("oss", OSS_REQUESTS, signed_for_oss, 600),
        ("smq", SMQ_REQUESTS, signed_for_smq, 250),
        ("imm", IMM_REQUESTS, signed_for_imm, 150),
    ],
    ids=["oss", "smq", "imm"],
)
def test_any_request_is_answered(
    cloud: Any, service: str, requests: st.SearchStrategy[Sent], sign: Callable[[Sent, str], Sent], examples: int
):
    address = getattr(cloud, service)
    let_in = 0

    @settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(sent=requests)
    def fuzz(sent: Sent) -> None:
        nonlocal let_in
        signed = sign(sent, urlsplit(address).netloc) if sent.signing else sent
        answer = exchange(address, signed)
        check_answer(answer)
        let_in += answer.status in (200, 201, 204) or b"Signature" not in answer.body

    fuzz()
    assert let_in > examples / 4, "too few requests came past the signatures"
