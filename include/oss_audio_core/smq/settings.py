"""The address of SMQ and the credentials."""

from __future__ import annotations

from dataclasses import dataclass, field

from oss_audio_core.oss.address import normalise_address
from oss_audio_core.smq.errors import SmqConfigurationError


@dataclass(frozen=True)
class SmqSettings:
    """The connection to SMQ of one account in one region.

    Attributes:
        endpoint: `https://<account id>.mns.<region>.aliyuncs.com`; https when it names no scheme.
        access_key_id: of the RAM user or of the STS credentials.
        access_key_secret: what requests are signed with.
        security_token: of STS credentials; None with others.
        connect_timeout: seconds.
        read_timeout: seconds; a long poll may take its own waiting time on top.
        name: what messages call this connection, e.g. "connection 'smq_default'".
    """

    endpoint: str
    access_key_id: str = field(repr=False)
    access_key_secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    connect_timeout: float = 10.0
    read_timeout: float = 20.0
    name: str = "the SMQ connection"

    def __post_init__(self) -> None:
        """Normalise the address; refuse what can't be used.

        Raises:
            SmqConfigurationError: a setting is missing or wrong.
        """
        for setting in ("endpoint", "access_key_id", "access_key_secret"):
            value = getattr(self, setting)
            if not value or value != value.strip():
                trouble = "is missing" if not value else "starts or ends with white space"
                raise SmqConfigurationError(f"{self.name}: '{setting}' {trouble}; set it and try again.")
        for setting in ("connect_timeout", "read_timeout"):
            if not getattr(self, setting) > 0:
                raise SmqConfigurationError(f"{self.name}: '{setting}' must be more than 0 seconds.")
        address = normalise_address(self.endpoint)
        if address is None:
            # The value isn't shown: people paste addresses with credentials in them.
            raise SmqConfigurationError(
                f"{self.name}: 'endpoint' isn't an address; write it like "
                "https://1234567890.mns.cn-hangzhou.aliyuncs.com, without path, query or credentials."
            )
        object.__setattr__(self, "endpoint", address)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that no message may show."""
        return tuple(s for s in (self.access_key_id, self.access_key_secret, self.security_token) if s)
