"""The connection type `smq` (its form is in `oss_audio.provider_info`): a queue that IMM's notifications arrive in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException

from oss_audio.hooks.connections import ConnectionFields, aread, read
from oss_audio_core.smq import SmqClient, SmqConfigurationError, SmqError, SmqSettings

EXAMPLE = (
    "--conn-type smq --conn-host https://1234567890.mns.cn-hangzhou.aliyuncs.com --conn-login … "
    '--conn-password … --conn-extra \'{"queue": "audio-done", "topic": "audio-done"}\''
)


@dataclass(frozen=True)
class _SmqConnection:
    settings: SmqSettings
    queue: str | None
    topic: str | None


class SMQHook(BaseHook):
    """Settings of SMQ out of a connection of the type `smq`.

    Host is the endpoint (https when it names no scheme; the port may stand there or in Port), login the access
    key id, password the access key secret; extra fields `queue` and `topic` (used where a DAG names none),
    `security_token`, `connect_timeout`, `read_timeout` (seconds). In a connection written as JSON the extra
    fields `endpoint`, `access_key_id` and `access_key_secret` do as well.

    Args:
        smq_conn_id: the connection.
    """

    conn_name_attr: ClassVar[str] = "smq_conn_id"
    default_conn_name: ClassVar[str] = "smq_default"
    conn_type: ClassVar[str] = "smq"
    hook_name: ClassVar[str] = "Alibaba Cloud SMQ"

    def __init__(self, smq_conn_id: str = "smq_default") -> None:
        """Read nothing yet."""
        super().__init__()
        self.smq_conn_id = smq_conn_id
        self._connection: _SmqConnection | None = None

    @property
    def settings(self) -> SmqSettings:
        """The settings (on a worker); read once.

        Raises:
            AirflowFailException: the connection is missing or wrong.
        """
        return self._read().settings

    @property
    def queue(self) -> str | None:
        """The connection's queue; in a trigger await `asettings` first."""
        return self._read().queue

    @property
    def topic(self) -> str | None:
        """The connection's topic; in a trigger await `asettings` first."""
        return self._read().topic

    async def asettings(self) -> SmqSettings:
        """`settings` for triggers."""
        if self._connection is None:
            self._connection = _connection_of(await aread(self.smq_conn_id, EXAMPLE))
        return self._connection.settings

    def test_connection(self) -> tuple[bool, str]:
        """The UI's Test button: ask SMQ for the attributes of the connection's queue, else of its topic."""
        try:
            connection = self._read()
            return asyncio.run(_ask(connection))
        except (AirflowFailException, SmqError) as error:
            return False, str(error)

    def _read(self) -> _SmqConnection:
        if self._connection is None:
            self._connection = _connection_of(read(self.smq_conn_id, EXAMPLE))
        return self._connection


async def _ask(connection: _SmqConnection) -> tuple[bool, str]:
    async with SmqClient(connection.settings) as client:
        if connection.queue is not None:
            attributes = await client.queue_attributes(connection.queue)
            waiting = attributes.get("ActiveMessages", "?")
            return True, f"Queue {connection.queue!r} answers; messages waiting: {waiting}"
        if connection.topic is not None:
            await client.topic_attributes(connection.topic)
            return True, f"Topic {connection.topic!r} answers"
    return False, "Nothing to ask for: fill in Queue (or Topic)"


def _connection_of(fields: ConnectionFields) -> _SmqConnection:
    fields.require_type("smq")
    connection = fields.connection
    given = {
        "endpoint": (_endpoint(fields), "host (the endpoint)"),
        "access_key_id": (
            (connection.login or "").strip() or fields.text("access_key_id"),
            "login (access key id)",
        ),
        "access_key_secret": (
            (connection.password or "").strip() or fields.text("access_key_secret"),
            "password (access key secret)",
        ),
    }
    for value, label in given.values():
        if not value:
            raise fields.wrong(f"its {label} is missing")
    try:
        settings = SmqSettings(
            endpoint=given["endpoint"][0] or "",
            access_key_id=given["access_key_id"][0] or "",
            access_key_secret=given["access_key_secret"][0] or "",
            security_token=fields.text("security_token"),
            connect_timeout=fields.seconds("connect_timeout", SmqSettings.connect_timeout),
            read_timeout=fields.seconds("read_timeout", SmqSettings.read_timeout),
            name=fields.name,
        )
    except SmqConfigurationError as error:
        raise AirflowFailException(str(error)) from None
    return _SmqConnection(settings, fields.text("queue"), fields.text("topic"))


def _endpoint(fields: ConnectionFields) -> str | None:
    host = (fields.connection.host or "").strip().rstrip("/")
    if not host:
        return fields.text("endpoint")
    port = fields.connection.port
    has_port = host.rpartition(":")[2].isdigit()
    return f"{host}:{port}" if port and not has_port else host
