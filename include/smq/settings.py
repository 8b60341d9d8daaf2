"""Where SMQ is and who we are there."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from include.smq.errors import SmqConfigurationError


@dataclass(frozen=True)
class SmqSettings:
    """One account's way to SMQ in one region.

    Attributes
    ----------
    endpoint: `https://<account id>.mns.<region>.aliyuncs.com`; https when it names no scheme.
    access_key_id, access_key_secret, security_token: the credentials; the token only with STS.
    connect_timeout, read_timeout: seconds; a long poll may take its own waiting time on top.
    name: what messages call this place, e.g. "connection 'smq_default'".
    """

    endpoint: str
    access_key_id: str = field(repr=False)
    access_key_secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    connect_timeout: float = 10.0
    read_timeout: float = 20.0
    name: str = "the SMQ connection"

    def __post_init__(self) -> None:
        """Normalise the address; refuse what can't be used. Raises SmqConfigurationError."""
        for setting in ("endpoint", "access_key_id", "access_key_secret"):
            value = getattr(self, setting)
            if not value or value != value.strip():
                trouble = "is missing" if not value else "starts or ends with white space"
                raise SmqConfigurationError(f"{self.name}: '{setting}' {trouble}; set it and try again.")
        for setting in ("connect_timeout", "read_timeout"):
            if not getattr(self, setting) > 0:
                raise SmqConfigurationError(f"{self.name}: '{setting}' must be more than 0 seconds.")
        object.__setattr__(self, "endpoint", _address(self.endpoint, self.name))

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that no message may show."""
        return tuple(s for s in (self.access_key_id, self.access_key_secret, self.security_token) if s)


def _address(value: str, name: str) -> str:
    """Return scheme://host[:port]; https when the value names no scheme."""
    try:
        parts = urlsplit(value if "://" in value else f"https://{value}")
        usable = (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and parts.port != 0  # reading the port checks it
            and parts.username is None
            and parts.path in {"", "/"}
            and not (parts.query or parts.fragment)
        )
    except ValueError:
        usable = False
    if not usable:
        # The value isn't shown: people paste addresses with credentials in them.
        raise SmqConfigurationError(
            f"{name}: 'endpoint' isn't an address; write it like "
            "https://1234567890.mns.cn-hangzhou.aliyuncs.com, without path, query or credentials."
        )
    return f"{parts.scheme}://{parts.netloc}"
