"""From the Alibaba provider's `oss` connection to the clients of OSS and IMM."""

from __future__ import annotations

from typing import ClassVar

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException

from oss_audio.hooks.connections import ConnectionFields, aread, read
from oss_audio_core.oss import OssConfigurationError, OssSettings

EXAMPLE = (
    "--conn-type oss --conn-extra "
    '\'{"auth_type": "AK", "access_key_id": "…", "access_key_secret": "…", "region": "cn-hangzhou"}\''
)


class OSSAudioHook(BaseHook):
    """Settings of OSS and IMM out of a connection of the provider's type `oss`.

    The extra fields are those that the provider's own OSSHook reads (`auth_type` AK, `access_key_id`,
    `access_key_secret`, `region`, `endpoint`), so one connection serves both, and more: `security_token` (or
    `auth_type` STS), `path_style`, `custom_domain`, `internal_endpoint`, `browser_endpoint`, `imm_endpoint`,
    `imm_project`, `connect_timeout`, `read_timeout` (seconds). Login and password may stand in for the key id
    and the secret. See `oss_audio_core.oss.OssSettings` for what each means.

    Args:
        oss_conn_id: the connection.
    """

    conn_name_attr: ClassVar[str] = "oss_conn_id"
    default_conn_name: ClassVar[str] = "oss_default"
    conn_type: ClassVar[str] = "oss"
    hook_name: ClassVar[str] = "OSS audio"

    def __init__(self, oss_conn_id: str = "oss_default") -> None:
        """Read nothing yet."""
        super().__init__()
        self.oss_conn_id = oss_conn_id
        self._settings: OssSettings | None = None

    @property
    def settings(self) -> OssSettings:
        """The settings (on a worker); read once.

        Raises:
            AirflowFailException: the connection is missing or wrong.
        """
        if self._settings is None:
            self._settings = _settings(read(self.oss_conn_id, EXAMPLE))
        return self._settings

    async def asettings(self) -> OssSettings:
        """`settings` for triggers."""
        if self._settings is None:
            self._settings = _settings(await aread(self.oss_conn_id, EXAMPLE))
        return self._settings


def _settings(fields: ConnectionFields) -> OssSettings:
    fields.require_type("oss")
    auth_type = fields.text("auth_type") or "AK"
    token = fields.text("security_token")
    if auth_type not in {"AK", "STS"}:
        raise fields.wrong("extra field 'auth_type' must be AK or STS")
    if auth_type == "STS" and token is None:
        raise fields.wrong("extra field 'auth_type' is STS and 'security_token' is missing")
    login, password = fields.connection.login, fields.connection.password
    given = {
        "region": fields.text("region"),
        "access_key_id": fields.text("access_key_id") or (login or "").strip() or None,
        "access_key_secret": fields.text("access_key_secret") or (password or "").strip() or None,
    }
    for name, value in given.items():
        if value is None:
            raise fields.wrong(f"extra field '{name}' is missing")
    try:
        return OssSettings(
            endpoint=fields.text("endpoint") or "",
            region=given["region"] or "",
            access_key_id=given["access_key_id"] or "",
            access_key_secret=given["access_key_secret"] or "",
            security_token=token,
            path_style=fields.flag("path_style"),
            custom_domain=fields.flag("custom_domain"),
            internal_endpoint=fields.text("internal_endpoint"),
            browser_endpoint=fields.text("browser_endpoint"),
            imm_endpoint=fields.text("imm_endpoint"),
            imm_project=fields.text("imm_project"),
            connect_timeout=fields.seconds("connect_timeout", OssSettings.connect_timeout),
            read_timeout=fields.seconds("read_timeout", OssSettings.read_timeout),
            name=fields.name,
        )
    except OssConfigurationError as error:
        raise AirflowFailException(str(error)) from None
