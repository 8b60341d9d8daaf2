"""The signature MNS4-HMAC-SHA256, on requests of Alibaba Cloud's own gateway clients."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from oss_local_cloud.signatures.credentials import Credentials
from oss_local_cloud.signatures.mns import MnsSignatureError, verify

CREDENTIALS = Credentials("testAK", "testSK", security_token="tok")


CAPTURED_AT = datetime(2026, 11, 22, 14, 34, 24, tzinfo=UTC).timestamp()


# Requests and signatures of the unit tests of Alibaba Cloud's gateway client for SMQ (alibabacloud-gateway-mns).
QUERY = "param1=abc&PARAM2=d%20%20ef&PARAM3=%5Bdef%5D%23bbb&PARAM4=%E4%B8%AD%E6%96%87%E5%8F%82%E6%95%B0"


VERSION_4 = [
    (
        ("POST", f"/queues/TestQueue/?{QUERY}", {}),
        ("ak1", "sk1", "region1", "20250603T105235Z"),
        "1fc6013f158d4c3aba09570895a2a93c8445c2c5213d82a1463baf602cf0d945",
    ),
    (
        ("POST", f"/queues/TestQueue?num=10&paramx=100&{QUERY}", {}),
        ("ak1", "sk1", "region1", "20250603T105235Z"),
        "8d555514e749185d3e6d68df416692e6cc960ba85a089c9d69a2f4d7bb607560",
    ),
    (
        ("PUT", "/queues/TestQueue123456", {"x-mns-abc": "kkk", "x-mns-sss": "2015-06-06xFFF", "x-kkk-def": "jjj"}),
        ("akkkkk1111111111", "skkkkkkk1111111111", "region2", "20251203T112348Z"),
        "04f1e5f929b5aaac3af6a54970f591581ecd2aade2562f926c5f2ec5d5c8cfad",
    ),
    (
        (
            "GET",
            "/queues",
            {
                "x-mns-version": "2015-06-30",
                "x-mns-ttt": "1",
                "x-mns-uuuuu": "FALse",
                "bb-mns-uuuuu": "abcdddDDD",
                "content-type": "application/json",
                "content-md5": "0d9d2ce750000593eb34f00",
            },
        ),
        ("akkkkk222222222", "skkkkkk2222222222", "eu-west-1", "20251204T063235Z"),
        "294f776a2d5726df679b54b081ab8126a199a2545c8c8a7a875adff0b386e458",
    ),
    (
        ("GET", "/", {}),
        ("testAk", "testSk", "testRegion", "20250603T105235Z"),
        "63f78964dcd1132bab91b9c38ceebdfb59509149b34874c5b2c9dfc2b12e7291",
    ),
    (
        ("POST", "/queues/Test%20Queue%40123", {}),
        ("testAk", "testSk", "testRegion", "20250603T105235Z"),
        "87de7499365a31e767cdc0c726a893c72c860e415876f7f92914197ac3795833",
    ),
]


def verify_4(
    request: tuple[str, str, dict[str, str]],
    access: tuple[str, str, str, str],
    signature: str,
    *,
    date_ahead: int = 0,
    region: str = "",
    day: str = "",
) -> None:
    method, target, headers = request
    key_id, secret, signed_region, moment = access
    date = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    scope = f"{day or moment[:8]}/{signed_region}/mns/aliyun_v4_request"
    sent = {
        **headers,
        "date": format_datetime(date + timedelta(seconds=date_ahead), usegmt=True),
        "authorization": f"MNS4-HMAC-SHA256 Credential={key_id}/{scope},Signature={signature}",
    }
    verify(method, target, sent, Credentials(key_id, secret), date.timestamp(), region=region or signed_region)


@pytest.mark.parametrize(("request_", "access", "signature"), VERSION_4)
@pytest.mark.parametrize("date_ahead", [0, -1])
def test_the_clients_own_requests_verify_with_mns4(
    request_: tuple[str, str, dict[str, str]], access: tuple[str, str, str, str], signature: str, date_ahead: int
) -> None:
    # The client reads the clock for Date before it reads it again for the signature.
    verify_4(request_, access, signature, date_ahead=date_ahead)


@pytest.mark.parametrize(
    "changes",
    [{"date_ahead": 1}, {"date_ahead": -2}, {"region": "elsewhere"}, {"day": "20250602"}],
    ids=["signed before its Date", "signed long after its Date", "another region", "another day"],
)
def test_mns4_holds_for_its_moment_and_region_only(changes: dict[str, Any]) -> None:
    with pytest.raises(MnsSignatureError) as caught:
        verify_4(*VERSION_4[0], **changes)
    assert (caught.value.status, caught.value.code) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    "request_",
    [
        ("GET", VERSION_4[0][0][1], {}),
        ("POST", "/queues/TestQueue", {}),
        ("POST", VERSION_4[0][0][1].replace("abc", "abd"), {}),
        ("POST", VERSION_4[0][0][1], {"x-mns-version": "2015-06-06"}),
    ],
)
def test_what_mns4_covers_can_not_be_changed(request_: tuple[str, str, dict[str, str]]) -> None:
    with pytest.raises(MnsSignatureError, match="does not match"):
        verify_4(request_, *VERSION_4[0][1:])


@pytest.mark.parametrize(
    "authorization",
    [
        "MNS4-HMAC-SHA256 Credential=ak1/20250603/region1/oss/aliyun_v4_request,Signature=" + "0" * 64,
        "MNS4-HMAC-SHA256 Credential=ak1/20250603/region1/mns/aliyun_v4_request,Signature=00",
        "MNS4-HMAC-SHA256 ak1:wotrycgnktGFvva0XpUJaB1Hh98=",
    ],
)
def test_a_malformed_mns4_header_is_refused(authorization: str) -> None:
    with pytest.raises(MnsSignatureError) as caught:
        verify("GET", "/", {"authorization": authorization}, CREDENTIALS, CAPTURED_AT, region="region1")
    assert (caught.value.status, caught.value.code) == (400, "InvalidAuthorizationHeader")
