"""What a request asks for beyond what is done is refused by name, wherever it stands, and listed in the docs."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import alibabacloud_oss_v2.operations
import pytest
import requests

from oss_local_cloud.oss import unsupported
from oss_local_cloud.oss.operations import OPERATIONS

DOCUMENT = Path(__file__).parents[4] / "docs" / "local-cloud.md"
Signed = Callable[..., requests.Response]
DONE = {(done.method, done.level == "object", done.parameter) for done in OPERATIONS if done.handler}
BESIDE_OTHERS = {"encoding-type", "position"}
"""Parameters of the SDK's operations that stand beside another one and select nothing."""


def operations_of_oss_v2() -> Iterator[tuple[str, bool, str]]:
    """Method, whether of an object, and sub-resource of whatever the SDK's own code asks of a bucket or an object."""
    for file in Path(alibabacloud_oss_v2.operations.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "OperationInput"
            ):
                continue
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            parameters = given.get("parameters")
            if "bucket" in given and isinstance(parameters, ast.Dict):
                for name in parameters.keys:
                    yield ast.literal_eval(given["method"]), "key" in given, ast.literal_eval(name)


NOT_DONE = sorted(
    operation
    for operation in set(operations_of_oss_v2())
    if operation not in DONE and operation[2] not in BESIDE_OTHERS
)


def refusal(response: requests.Response) -> str:
    """The message of a 501."""
    document = ElementTree.fromstring(response.content)
    assert (response.status_code, document.findtext("Code")) == (501, "NotImplemented")
    return document.findtext("Message") or ""


@pytest.fixture
def key(signed: Signed, fresh: str) -> str:
    """An object whose content is `content`."""
    name = re.sub("[^a-z]", "", fresh) + "/x"
    assert signed("PUT", name, data=b"content").status_code == 200
    return name


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
@pytest.mark.parametrize("header", unsupported.HEADERS)
def test_a_header_is_refused(signed: Signed, key: str, method: str, header: str):
    assert header in refusal(signed(method, key, data=b"other", headers={header: "x"}))
    assert signed("GET", key).content == b"content"


@pytest.mark.parametrize("parameter", unsupported.PARAMETERS)
def test_a_parameter_is_refused(signed: Signed, key: str, parameter: str):
    assert parameter in refusal(signed("PUT", key, params={"tagging": "", parameter: "x"}))
    assert signed("GET", key).content == b"content"


@pytest.mark.parametrize(
    ("method", "of_object", "parameter"),
    [
        ("GET", False, "replicationLocation"),
        ("GET", False, "accessPoint"),
        ("PUT", False, "redundancyTransition"),
        ("DELETE", False, "responseHeader"),
        ("GET", False, "policyStatus"),
        ("PUT", False, "qosInfo"),
        ("PUT", True, "vod"),
        ("DELETE", True, "acl"),
        ("HEAD", True, "x-oss-process"),
        ("PUT", True, "x-oss-process"),
        ("GET", True, "objectMeta"),
    ],
)
def test_a_sub_resource_of_no_operation_is_refused(
    signed: Signed, key: str, method: str, of_object: bool, parameter: str
):
    response = signed(method, key if of_object else "", params={parameter: ""}, data=b"other")
    if method == "HEAD":
        assert response.status_code == 501
    else:
        assert f"{method} /bucket{'/key' if of_object else ''}?{parameter}" in refusal(response)
    assert signed("GET", key).content == b"content"


@pytest.mark.parametrize(("method", "of_object", "parameter"), NOT_DONE)
def test_what_the_sdk_calls_and_is_not_done_is_refused(
    signed: Signed, key: str, method: str, of_object: bool, parameter: str
):
    response = signed(method, key if of_object else "", params={parameter: ""}, data=b"other")
    assert refusal(response)
    assert signed("GET", key).content == b"content"


@pytest.mark.parametrize("parameter", ["x-oss-rename", "x-oss-dir", "x-oss-delete", "processConfiguration", "img"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_what_the_java_sdk_calls_and_is_not_done_is_refused(signed: Signed, key: str, method: str, parameter: str):
    assert parameter in refusal(signed(method, key, params={parameter: ""}, data=b"other"))
    assert signed("GET", key).content == b"content"


def test_what_oss_does_not_know_changes_nothing(signed: Signed, key: str):
    response = signed("GET", key, params={"made-up": "1"}, headers={"x-oss-made-up": "1"})
    assert (response.status_code, response.content) == (200, b"content")


def test_preflight_requests_are_refused_by_name(signed: Signed, key: str):
    for name in (key, ""):
        assert "OptionObject" in refusal(signed("OPTIONS", name))


def test_the_docs_list_them_all():
    text = DOCUMENT.read_text(encoding="utf-8")
    table = re.search(r"<!-- unsupported -->\n.*\n.*\n((?:.*\n)*?)<!-- /unsupported -->", text)
    assert table
    assert table[1].splitlines() == [
        f"| `{name}` | {kind} | {what} |"
        for kind, names in (("header", unsupported.HEADERS), ("parameter", unsupported.PARAMETERS))
        for name, what in names.items()
    ]
