"""Passwords of the compose file reach real servers whatever characters they have, and each server asks for its own."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import kombu
import pytest
import redis
import sqlalchemy as sa
import yaml
from redis.backoff import NoBackoff
from redis.retry import Retry

from oss_audio_core.catalogue.database_url import Address
from tools.stack import PROJECT_ROOT
from tools.stack.ports import HOST, free_port
from tools.stack.postgresql import database_url, empty_data, serving
from tools.stack.wheels import redis_server

PASSWORDS = ("plain", "p@ss/w:rd", "a b+c%41#?&=;", "'\"\\`$HOME*~", "密码-é", "--port 1")

SERVICES: dict[str, Any] = yaml.safe_load((PROJECT_ROOT / "docker-compose.yaml").read_text())["services"]
AIRFLOW: dict[str, str] = SERVICES["airflow-worker"]["environment"]


def filled_in(text: str, **values: str) -> str:
    """The text as compose hands it to a container: variables in place, `$$` as a dollar."""
    filled = re.sub(r"(?<!\$)\$\{([A-Z_]+)[^}]*\}", lambda found: values[found[1]], text)
    return filled.replace("$$", "$")


def broker_url(password: str) -> str:
    """What the command prints that Airflow runs for the URL of its broker."""
    environment = {**os.environ, "REDIS_PASSWORD": password}
    words = shlex.split(AIRFLOW["AIRFLOW__CELERY__BROKER_URL_CMD"])
    words[0] = sys.executable if words[0] == "python" else words[0]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("password", PASSWORDS)
def test_kombu_reads_the_password_that_was_given(password: str) -> None:
    broker = kombu.Connection(broker_url(password))
    assert (broker.password, broker.hostname, broker.port, broker.virtual_host) == (password, "redis", 6379, "0")


def test_airflow_takes_the_url_of_the_broker_from_the_command(tmp_path: Path) -> None:
    program = "from airflow.configuration import conf; print(conf.get('celery', 'broker_url'))"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW__")},
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CELERY__BROKER_URL_CMD": AIRFLOW["AIRFLOW__CELERY__BROKER_URL_CMD"],
        "REDIS_PASSWORD": "p@ss/w:rd",
    }
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "redis://:p%40ss%2Fw%3Ard@redis:6379/0"


def test_no_address_holds_a_password() -> None:
    for name in ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CELERY__RESULT_BACKEND"):
        url = sa.make_url(AIRFLOW[name].removeprefix("db+"))
        assert (url.username, url.password, url.host, url.database) == ("airflow", None, "postgres", "airflow")
    catalogue = Address.parse(AIRFLOW["AIRFLOW_CONN_AUDIO_CATALOGUE"]).url()
    assert (catalogue.username, catalogue.password, catalogue.database) == ("airflow", None, "audio_catalogue")


def test_postgresql_asks_for_the_password_and_takes_it_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    address = sa.make_url(AIRFLOW["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    with empty_data() as data, serving(data) as port:
        admin = sa.create_engine(database_url(port), isolation_level="AUTOCOMMIT")
        hba = "host all postgres 127.0.0.1/32 trust\nhost all airflow 127.0.0.1/32 scram-sha-256\n"
        (data / "pg_hba.conf").write_text(hba)
        with admin.connect() as connection:
            connection.exec_driver_sql("CREATE ROLE airflow LOGIN")
            connection.exec_driver_sql("CREATE DATABASE airflow OWNER airflow")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
        engine = sa.create_engine(address.set(host=HOST, port=port), poolclass=sa.NullPool)
        for password in PASSWORDS:
            with admin.connect() as connection:
                literal = connection.exec_driver_sql("SELECT quote_literal(%s)", (password,)).scalar_one()
                connection.exec_driver_sql(f"ALTER ROLE airflow PASSWORD {literal.replace('%', '%%')}")
            monkeypatch.setenv("PGPASSWORD", filled_in(AIRFLOW["PGPASSWORD"], POSTGRES_PASSWORD=password))
            with engine.connect() as connection:
                assert connection.exec_driver_sql("SELECT current_user").scalar_one() == "airflow"
        for wrong in ("", "another"):
            monkeypatch.setenv("PGPASSWORD", wrong)
            with pytest.raises(sa.exc.OperationalError, match="password"):
                engine.connect()
        admin.dispose()


@contextmanager
def redis_of_the_compose_file(password: str, folder: Path) -> Iterator[int]:
    """The server by the compose file's own command, on a free port of this machine."""
    folder.mkdir()
    (folder / "redis-server").symlink_to(redis_server())
    port = free_port()
    shell, option, script = (filled_in(word, REDIS_PASSWORD=password) for word in SERVICES["redis"]["command"])
    environment = {
        "PATH": os.pathsep.join([str(folder), os.environ["PATH"]]),
        "REDISCLI_AUTH": filled_in(SERVICES["redis"]["environment"]["REDISCLI_AUTH"], REDIS_PASSWORD=password),
    }
    local = f"{script} --bind {HOST} --port {port} --save ''"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([shell, option, local], env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        await_redis(port)
        yield port
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def client_of(port: int, password: str | None = None) -> redis.Redis:
    """A client that tries once: a refusal is an answer here."""
    return redis.Redis(HOST, port, password=password, retry=Retry(NoBackoff(), 0))


def await_redis(port: int) -> None:
    end = time.monotonic() + 30
    while True:
        with suppress(redis.ConnectionError), client_of(port) as client:
            try:
                client.ping()
            except redis.AuthenticationError:
                return
            raise AssertionError("the server asks for no password")
        assert time.monotonic() < end, "the server doesn't answer"
        time.sleep(0.05)


@pytest.mark.parametrize("password", PASSWORDS)
def test_redis_asks_for_the_password_and_the_broker_has_it(password: str, tmp_path: Path) -> None:
    with redis_of_the_compose_file(password, tmp_path / "redis") as port:
        url = broker_url(password).replace("@redis:6379/", f"@{HOST}:{port}/")
        with kombu.Connection(url) as broker:
            queue = broker.SimpleQueue("tasks")
            queue.put({"task": 1})
            assert queue.get(timeout=10).payload == {"task": 1}
            queue.close()
        with client_of(port, password + "x") as client, pytest.raises(redis.AuthenticationError):
            client.ping()


def test_flower_asks_for_the_password_and_its_health_check_does_not(tmp_path: Path) -> None:
    flower = SERVICES["flower"]
    login = filled_in(flower["environment"]["AIRFLOW__CELERY__FLOWER_BASIC_AUTH"], ADMIN_PASSWORD="p@ss/w:rd")
    health = flower["healthcheck"]["test"][-1].removeprefix("http://localhost:5555")
    with redis_of_the_compose_file("secret", tmp_path / "redis") as broker_port:
        port = free_port()
        url = broker_url("secret").replace("@redis:6379/", f"@{HOST}:{broker_port}/")
        # As `airflow celery flower` calls it.
        options = ["flower", f"--address={HOST}", f"--port={port}", f"--basic-auth={login}"]
        command = [sys.executable, "-m", "celery", "--broker", url, *options]
        with (tmp_path / "log").open("wb") as log:
            server = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
        try:
            with httpx.Client(base_url=f"http://{HOST}:{port}", trust_env=False, timeout=20) as client:
                await_http(client, health)
                assert client.get("/").status_code == 401
                assert client.get("/", auth=("admin", "another")).status_code == 401
                assert client.get("/", auth=("admin", "p@ss/w:rd")).status_code == 200
        finally:
            server.terminate()
            server.wait(30)


def await_http(client: httpx.Client, path: str) -> None:
    end = time.monotonic() + 60
    while True:
        with suppress(httpx.TransportError):
            assert client.get(path).status_code == 200
            return
        assert time.monotonic() < end, "the server doesn't answer"
        time.sleep(0.1)
