"""The admin client: addresses, refusals, and an API that can't be reached."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from oss_local_cloud.fault_injection.admin_client import AdminClient, AdminError
from oss_local_cloud.fault_injection.rules import Lost


@pytest.mark.parametrize("address", ["", "127.0.0.1:9003", "https://127.0.0.1:9003", "http://"])
def test_an_address_that_is_no_http_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"http://127\.0\.0\.1:9003"):
        AdminClient(address)


def test_an_api_that_is_not_there_is_an_oserror() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with AdminClient(address) as admin, pytest.raises(OSError, match="refused"):
            admin.state()


def test_a_rule_is_added_read_and_removed(clients: Any) -> None:
    with AdminClient(clients.cloud.admin) as admin:
        rule = admin.add(Lost(rate=0.5, times=2))
        status = admin.rule(rule)
        assert status.rule.model_copy(update={"id": None}) == Lost(rate=0.5, times=2)
        assert (status.id, status.seen, status.fired, status.left) == (rule, 0, 0, 2)
        admin.remove(rule)
        with pytest.raises(AdminError, match=rule) as refused:
            admin.rule(rule)
        assert refused.value.status == 404
