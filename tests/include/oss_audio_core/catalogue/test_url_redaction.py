"""No message shows a secret of the catalogue's address, in whichever form it is given, and right or wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch
from urllib.parse import quote, quote_plus

import pytest
import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oss_audio_core.catalogue import CatalogueError, open_catalogue
from oss_audio_core.catalogue.cli.connect import catalogue_url
from oss_audio_core.catalogue.database_url import parse_url
from oss_audio_core.catalogue.url_redaction import redact_secrets, shown, without_secrets

HEAD, TAIL = "headOfTheSecret", "tailOfTheSecret"
CLOSED = "127.0.0.1:1"
"""Nothing listens there."""

SEPARATORS = st.one_of(st.sampled_from("@:/?#%&=+ '\\,;[]!$*~"), st.text(st.characters(codec="utf-8"), max_size=3))
SECRETS = st.builds(lambda *between: HEAD + "".join(between) + TAIL, SEPARATORS, SEPARATORS)


FEW = settings(max_examples=max(1, settings().max_examples // 5))
"""There are some eighty forms, and each example may ask for a connection."""


def in_keywords(secret: str) -> str:
    return "'" + secret.replace("\\", "\\\\").replace("'", "\\'") + "'"


ENCODED = (
    f"postgresql://u:{{}}@{CLOSED}/d",
    f"postgresql+psycopg2://u:{{}}@{CLOSED}/d?sslmode=prefer",
    f"postgres://:{{}}@{CLOSED}/d",
    f"postgresql://u@{CLOSED}/d?password={{}}",
    f"postgresql://u:other@{CLOSED}/d?connect_timeout=2&password={{}}",
    f"postgresql://{CLOSED}/d?user=u&password=other&password={{}}",
    f"postgresql://u@{CLOSED}/d?sslmode=require&sslpassword={{}}",
    f"postgresql://u@{CLOSED}/d?passfile=%2Fno%2Fsuch%2F{{}}",
    f"postgresql://u@{CLOSED}/d?options=-c%20a.b%3D{{}}",
    "postgresql:///d?service={}",
    f"postgresql://u:{{}}@{CLOSED},127.0.0.1:2/d",
    f"postgresql://u@{CLOSED},127.0.0.1:2/d?password={{}}",
    f"postgresql://u:{{}}@/d?host={CLOSED}&host=127.0.0.1:2",
    "postgresql://u:{}@/d?host=%2Fno%2Fsuch&port=1",
    "postgresql://u:{}@%2Fno%2Fsuch/d",
    "postgresql://u:{}@[::1]:1/d",
)
"""URLs in which the secret is percent-encoded, as it has to be."""

KEYWORDS = (
    "host=127.0.0.1 port=1 user=u password={} dbname=d",
    "password = {} host = 127.0.0.1,127.0.0.1 port = 1,2 dbname=d",
    "host=127.0.0.1 port=1 sslmode=require sslpassword={}",
    "host=127.0.0.1 port=1 passfile={}",
    "service=none password={}",
)

AS_IT_IS = (
    f"postgresql://u:{{}}@{CLOSED}/d",
    f"postgresql://u@{CLOSED}/d?password={{}}",
    f"postgresql://u:{{}}@{CLOSED},127.0.0.1:2/d",
    "host=127.0.0.1 port=1 user=u password={}",
    "host=127.0.0.1 port=1 password='{}",
    "u:{}@h/d",
    "//u:{}@h/d",
    "postgresql:u:{}@h/d",
    "postgresql:/u:{}@h/d",
    "h/d?password={}",
    "sqlite://u:{}@h/d",
    "sqlite:////no/such/file.db?password={}",
    "sqlite+pysqlcipher://:{}@//no/such/file.db",
    "mysql+pymysql://u:{}@h/d",
    "postgresql+asyncpg://u:{}@h/d?password={}",
    "unheard+of://u:{}@h/d?password={}",
    "https://u:{}@h/d",
)
"""Mistakes: a secret that is not encoded, no scheme, another scheme, half a list of keywords."""


def refusal(address: Callable[[], str | sa.URL]) -> str:
    with pytest.raises(CatalogueError) as caught:
        open_catalogue(address(), create=False)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return str(caught.value)


def assert_hidden(said: str, secret: str) -> None:
    for part in (HEAD, TAIL, secret, quote(secret, safe="")):
        assert part not in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("address", ENCODED)
@FEW
@given(secret=SECRETS)
@example(secret=f"{HEAD}@{TAIL}")
def test_a_url_is_refused_without_its_secret(address: str, secret: str) -> None:
    assert_hidden(refusal(lambda: address.format(quote(secret.replace("\0", ""), safe=""))), secret)


@pytest.mark.parametrize("address", ENCODED)
@FEW
@given(secret=SECRETS)
def test_every_text_of_a_url_and_its_engine_is_without_the_secret(address: str, secret: str) -> None:
    url = parse_url(address.format(quote(secret.replace("\0", ""), safe="")))
    harmless, options = without_secrets(url)
    assert {*harmless.query, *options} == {*url.query}
    for text in (shown(url), str(harmless), repr(harmless), repr(sa.create_engine(harmless))):
        assert_hidden(text, secret)


@pytest.mark.parametrize("address", KEYWORDS)
@FEW
@given(secret=SECRETS)
def test_keywords_of_libpq_are_refused_without_their_secret(address: str, secret: str) -> None:
    assert_hidden(refusal(lambda: catalogue_url(address.format(in_keywords(secret.replace("\0", ""))))), secret)


@pytest.mark.parametrize("address", AS_IT_IS)
@FEW
@given(secret=SECRETS)
@example(secret=f"{HEAD}@{TAIL}")
@example(secret=f"{HEAD}/{TAIL}")
@example(secret=f"1{HEAD}@1/{TAIL}")
@example(secret=f"{HEAD}@?x={TAIL}")
@example(secret=f"{HEAD}@:1?user={TAIL}")
def test_an_address_with_a_mistake_is_refused_without_any_part_of_the_secret(address: str, secret: str) -> None:
    assert_hidden(refusal(lambda: catalogue_url(address.replace("{}", secret.replace("\0", "")))), secret)


def as_json(kind: str, fields: dict[str, Any]) -> str:
    return json.dumps({"conn_type": kind, **fields})


POSTGRES = {"host": "127.0.0.1", "port": 1, "schema": "d"}

CONNECTIONS: tuple[Callable[[str], str], ...] = (
    lambda secret: f"postgres://u:{quote(secret, safe='')}@{CLOSED}/d",
    lambda secret: f"postgres://u:{secret}@{CLOSED}/d",
    lambda secret: f"postgres://u@{CLOSED}/d?password={quote_plus(secret)}",
    lambda secret: f"postgres://u@{CLOSED}/d?sslmode=require&sslpassword={secret}",
    lambda secret: f"postgres://u:1/{secret}@h/d",
    lambda secret: "postgres://u:" + f"1#{secret}@h/d",
    lambda secret: f"mysql://u:{secret}@h/d",
    lambda secret: f"generic://?url={quote(f'postgresql://u:{secret}@{CLOSED}/d', safe='')}",
    lambda secret: json.dumps(
        {"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "schema": "d", "password": secret}
    ),
    lambda secret: as_json("postgres", {**POSTGRES, "host": f"u:{secret}@127.0.0.1"}),
    lambda secret: as_json("postgres", {**POSTGRES, "schema": f"d?password={secret}"}),
    lambda secret: as_json("generic", {"host": f"postgresql://u:{secret}@{CLOSED}/d"}),
    lambda secret: json.dumps(
        {"conn_type": "generic", "extra": {"url": f"postgresql://u@{CLOSED}/d?password={secret}"}}
    ),
    lambda secret: as_json("generic", {"host": f"host=127.0.0.1 port=1 password={secret}"}),
    lambda secret: as_json("generic", {"password": secret, "host": f"postgresql://u@{CLOSED}/d"}),
)
"""What stands in AIRFLOW_CONN_AUDIO_CATALOGUE."""


@pytest.mark.parametrize("number", range(len(CONNECTIONS)))
@FEW
@given(secret=SECRETS)
@example(secret=f"{HEAD}@{TAIL}")
def test_a_connection_of_airflow_is_refused_without_its_secret(number: int, secret: str) -> None:
    connection = CONNECTIONS[number](secret.replace("\0", ""))
    environment = {"AIRFLOW_CONN_AUDIO_CATALOGUE": connection.encode("utf-8", "ignore").decode(), "AUDIO_CATALOGUE": ""}
    with patch.dict(os.environ, environment):
        assert_hidden(refusal(lambda: catalogue_url(None)), secret)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("sqlite:////data/c.db", "sqlite:////data/c.db"),
        ("sqlite:////夜 ü/a@b.db", "sqlite:////夜 ü/a@b.db"),
        ("postgresql://u:s@h/d?", "postgresql+psycopg2://u:***@h/d"),
        ("postgresql://u:s@h:5/d?sslmode=require", "postgresql+psycopg2://u:***@h:5/d?sslmode=require"),
        ("postgresql://h/d?user=u&password=s", "postgresql+psycopg2://h/d?user=u"),
        ("postgresql://u@h/d?sslpassword=s&passfile=p", "postgresql+psycopg2://u@h/d?sslpassword=***&passfile=***"),
        ("postgresql://u:s@h1:1,h2:2/d", "postgresql+psycopg2://u:***@/d?host=h1,h2&port=1,2"),
        ("host=h port=5 user=u password=s dbname=d", "postgresql+psycopg2://u:***@/d?host=h&port=5"),
    ],
)
def test_what_is_harmless_is_shown(address: str, text: str) -> None:
    assert shown(parse_url(address)) == text


def test_a_drivers_text_loses_the_secret_in_every_encoding() -> None:
    encoded = "a%2Fb%20c"
    url = parse_url(f"postgresql://u:{encoded}@h/d?sslpassword=x%2By")
    said = "for a/b c, a%2Fb%20c, a/b%20c, a%2Fb+c and x+y, x%2By of u"
    assert redact_secrets(said, url) == "for ***, ***, ***, *** and ***, *** of u"


@pytest.mark.parametrize(
    "address",
    [
        "{user}:{password}@{host}:{port}/{database}",
        "{user}@{host}:{port}/{database}?password={password}",
        "{user}:{password}@127.0.0.1:1,{host}:{port}/{database}",
        "{user}:{password}@/{database}?host=127.0.0.1:1&host={host}:{port}",
    ],
)
def test_every_form_of_an_address_opens_a_real_catalogue(address: str, postgres_url: sa.URL) -> None:
    parts = {"user": postgres_url.username, "host": postgres_url.host, "port": postgres_url.port}
    text = address.format(**parts, database=postgres_url.database, password=quote("p@s/s wörd", safe=""))
    catalogue = open_catalogue(parse_url(f"postgresql://{text}"), create=False)
    with catalogue.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM batch")) == 0
    assert "wörd" not in catalogue.shown
    catalogue.close()


def test_keywords_open_a_real_catalogue(postgres_url: sa.URL) -> None:
    url = postgres_url
    keywords = f"host={url.host} port={url.port} user={url.username} password='p@s s' dbname={url.database}"
    open_catalogue(catalogue_url(keywords), create=False).close()


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest) -> Iterator[sa.URL]:
    """An empty catalogue on PostgreSQL, whose server trusts every password."""
    like = request.getfixturevalue("postgres_catalogue")
    with request.getfixturevalue("postgres_database")(like) as url:
        yield url
