"""What a web page makes a browser send is refused and changes nothing; what a person or a program sends is not."""

from __future__ import annotations

import contextlib
import http.client
from typing import Any

import pytest

from oss_local_cloud.fault_injection.admin_client import AdminClient


def ask(cloud: Any, method: str, path: str, **headers: str) -> int:
    host, _, port = cloud.admin.removeprefix("http://").rpartition(":")
    with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=30)) as connection:
        body = '{"seed": 8}' if path == "/seed" else None
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        answer.read()
        return answer.status


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9003"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "https://example.com", "Content_Type": "text/plain"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/reset"), ("POST", "/release"), ("PUT", "/seed"), ("DELETE", "/rules"), ("GET", "/")]
)
def test_a_request_of_a_page_is_refused(faulty_cloud: Any, method: str, path: str, headers: dict[str, str]) -> None:
    with AdminClient(faulty_cloud.admin) as admin:
        admin.set_seed(7)
        assert ask(faulty_cloud, method, path, **headers) == 403
        assert admin.state().seed == 7


@pytest.mark.parametrize("headers", [{}, {"Sec_Fetch_Site": "none"}, {"User_Agent": "curl/8.5.0"}])
def test_a_person_may_ask(faulty_cloud: Any, headers: dict[str, str]) -> None:
    assert ask(faulty_cloud, "GET", "/", **headers) == 200
    assert ask(faulty_cloud, "POST", "/reset", **headers) == 200
