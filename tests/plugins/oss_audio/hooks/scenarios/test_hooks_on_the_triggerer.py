"""Hooks read their connection on an event loop without blocking it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from airflow.sdk import BaseHook
from blockbuster import blockbuster_ctx

from oss_audio.hooks.catalogue import CatalogueHook
from oss_audio.hooks.oss import OSSAudioHook
from oss_audio.hooks.smq import SMQHook


@pytest.fixture
def connections(connection: Callable[[str, str], None]) -> None:
    extra = {"auth_type": "AK", "access_key_id": "the-id", "access_key_secret": "the-secret", "region": "local-1"}
    connection("oss_default", json.dumps({"conn_type": "oss", "extra": extra}))
    connection("smq_default", json.dumps({"conn_type": "smq", "host": "smq", "login": "i", "password": "the-secret"}))
    connection("audio_catalogue", "sqlite:////data/audio.db")


@pytest.mark.usefixtures("connections")
async def test_hooks_leave_the_event_loop_free() -> None:
    await BaseHook.aget_connection("oss_default")  # Airflow imports its own parts with the first one
    with blockbuster_ctx():
        assert (await OSSAudioHook().asettings()).region == "local-1"
        assert (await SMQHook().asettings()).endpoint == "https://smq"
        assert (await CatalogueHook().aurl()).database == "/data/audio.db"
