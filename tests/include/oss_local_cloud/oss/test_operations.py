"""docs/local-cloud.md tells the truth about the operations and the flags."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oss_local_cloud import cli
from oss_local_cloud.imm import app as imm_app
from oss_local_cloud.oss.addressing import parse_request_head
from oss_local_cloud.oss.errors import OssError
from oss_local_cloud.oss.http_messages import OssRequest
from oss_local_cloud.oss.operations import OPERATIONS, Operation, find
from oss_local_cloud.smq import app as smq_app

DOCUMENT = Path(__file__).parents[4] / "docs" / "local-cloud.md"


def rows() -> list[str]:
    """The table as the server's own table has it: done first, then partly, then refused."""
    lines = []
    for operation in sorted(OPERATIONS, key=lambda o: (state(o), o.name, target(o))):
        lines.append(f"| {operation.name} | `{target(operation)}` | {state(operation)} |")
    return list(dict.fromkeys(lines))


def target(operation: Operation) -> str:
    path = {"service": "/", "bucket": "/bucket", "object": "/bucket/key"}[operation.level]
    query = f"?{operation.parameter}" if operation.parameter else ""
    header = f" + {operation.header}" if operation.header else ""
    return f"{operation.method} {path}{query}{header}"


def state(operation: Operation) -> str:
    if operation.handler is None:
        return "refused"
    return f"partly: {operation.limitation}" if operation.limitation else "done"


def test_the_documented_table_is_the_servers_own():
    expected = ["| operation | request | state |", "|---|---|---|", *rows()]
    assert documented("operations") == expected, "put this between the marks:\n" + "\n".join(expected)


def test_the_documented_calls_of_smq_and_imm_are_the_services_own():
    smq = [f"- `{method} /{path}`" for method, path in smq_app.OPERATIONS]
    assert documented("smq") == smq, "put this between the marks:\n" + "\n".join(smq)
    imm = [f"- `{name}`" for name in imm_app.OPERATIONS]
    assert documented("imm") == imm, "put this between the marks:\n" + "\n".join(imm)


def documented(mark: str) -> list[str]:
    """The lines between two marks of the page."""
    text = DOCUMENT.read_text(encoding="utf-8")
    match = re.search(rf"<!-- {mark} -->\n(.*?)\n?<!-- /{mark} -->", text, re.DOTALL)
    assert match
    return match[1].splitlines()


def test_the_documented_flags_are_the_commands_own():
    text = DOCUMENT.read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(--[a-z-]+)[^`]*` \| `([A-Z_]+)` \|", text, re.MULTILINE)
    assert listed == [(flag, cli.variable(flag)) for flag, _ in listed]
    usage = cli.parser({})
    with pytest.raises(SystemExit):
        usage.parse_args(["serve", "--no-such-flag"])
    serve = usage._subparsers._group_actions[0].choices["serve"]
    flags = [action.option_strings[0] for action in serve._actions if action.option_strings[0] != "-h"]
    assert [flag for flag, _ in listed] == flags


async def unread() -> dict[str, object]:
    raise AssertionError("finding an operation reads no body")


def call(operation: Operation) -> OssRequest:
    path = {"service": b"/", "bucket": b"/bucket", "object": b"/bucket/key"}[operation.level]
    headers = {operation.header: "/bucket/key"} if operation.header else {}
    query = (operation.parameter or "").encode()
    return OssRequest(parse_request_head(operation.method, path, query, headers, ()), "", "", unread)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: f"{o.name} {target(o)}")
def test_each_operation_is_found_by_its_request(operation: Operation):
    assert find(call(operation)) is operation


def test_parameters_of_no_meaning_change_nothing():
    request = parse_request_head("GET", b"/bucket/key", b"anything=1&response-expires=x", {}, ())
    assert find(OssRequest(request, "", "", unread)).name == "GetObject"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", b"/"), ("HEAD", b"/"), ("HEAD", b"/bucket"), ("PATCH", b"/bucket/key")]
)
def test_other_requests_mean_nothing(method: str, path: bytes):
    with pytest.raises(OssError) as raised:
        find(OssRequest(parse_request_head(method, path, b"", {}, ()), "", "", unread))
    assert raised.value.status == 405
