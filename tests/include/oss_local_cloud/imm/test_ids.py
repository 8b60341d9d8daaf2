"""Identifiers have the shape of the service's own."""

from __future__ import annotations

import re

from oss_local_cloud.imm import ids


def test_identifiers_have_the_documented_shapes_and_differ() -> None:
    assert re.fullmatch(r"[0-9A-F]{3}-[0-9A-Za-z]{27}", ids.event_id())
    assert re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", ids.request_id())
    assert re.fullmatch(r"MediaConvert-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", ids.task_id())
    for make in (ids.event_id, ids.request_id, ids.task_id):
        assert len({make() for _ in range(100)}) == 100
