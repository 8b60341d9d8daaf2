"""A database's URL as messages may show it, and the texts of drivers without what the URL keeps secret.

What is shown is a list of harmless parts. Whatever is not on it is hidden, such as an option that a later libpq brings.
"""

from __future__ import annotations

from urllib.parse import quote, quote_plus

import sqlalchemy as sa

HIDDEN = "***"

SHOWN_OPTIONS = frozenset(
    {
        "application_name",
        "channel_binding",
        "connect_timeout",
        "dbname",
        "gssencmode",
        "host",
        "hostaddr",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "load_balance_hosts",
        "port",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
        "user",
    }
)
"""Options of libpq whose values are no secrets and hold none."""


def shown(url: sa.URL) -> str:
    """The URL for messages: without its password and without the values of options that may hold a secret."""
    if url.get_backend_name() == "sqlite":
        return f"sqlite:///{url.database or ''}"  # a path as it is, in the letters of its owner
    bare = url.set(query={}).render_as_string(hide_password=True)
    options = [
        f"{quote_plus(name)}={HIDDEN if name not in SHOWN_OPTIONS else quote_plus(value, safe=',:/')}"
        for name in url.query
        for value in _values(url, name)
    ]
    return bare + ("?" + "&".join(options) if options else "")


def without_secrets(url: sa.URL) -> tuple[sa.URL, dict[str, str]]:
    """A URL of which every text form is harmless, and the options that it lacks, for the driver."""
    secret = {name: _values(url, name)[-1] for name in url.query if name not in SHOWN_OPTIONS}
    return url.difference_update_query(secret), secret


def secrets_of(url: sa.URL) -> list[str]:
    """The password, and the values of options that may hold a secret."""
    options = [value for name in url.query if name not in SHOWN_OPTIONS for value in _values(url, name)]
    return [one for one in (str(url.password or ""), *options) if one]


def redact_secrets(text: str, url: sa.URL) -> str:
    """What a driver said about a URL, without the URL's secrets, however they are encoded."""
    forms = {form for one in secrets_of(url) for form in (one, quote(one, safe=""), quote(one), quote_plus(one))}
    for one in sorted(forms, key=len, reverse=True):
        text = text.replace(one, HIDDEN)
    return text


def _values(url: sa.URL, option: str) -> tuple[str, ...]:
    value = url.query[option]
    return (value,) if isinstance(value, str) else tuple(value)
