"""Addresses of services, as people write them."""

from __future__ import annotations

from urllib.parse import urlsplit


def normalise_address(value: str) -> str | None:
    """Return scheme://host[:port] (https when the value names no scheme), or None when it isn't an address.

    A path, a query or credentials make it none: clients would drop or leak them.
    """
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
        return None
    return f"{parts.scheme}://{parts.netloc}" if usable else None
