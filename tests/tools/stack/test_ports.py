"""Ports: the preferred one when it is free, another one when it is taken."""

from __future__ import annotations

import socket

from tools.stack.ports import HOST, free_port, is_free


def test_a_taken_port_is_not_chosen() -> None:
    with socket.create_server((HOST, 0)) as server:
        taken = server.getsockname()[1]
        assert not is_free(taken)
        assert free_port(taken) != taken


def test_a_free_preferred_port_is_chosen() -> None:
    port = free_port()
    assert is_free(port)
    assert free_port(port) == port
