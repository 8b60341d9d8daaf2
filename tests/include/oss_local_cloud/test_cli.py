"""The command line: flags, environment, addresses, clean ends, and errors that say what to do."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from oss_local_cloud import cli
from oss_local_cloud.config import Config, ConfigError
from oss_local_cloud.events.event_rules import EventRule
from oss_local_cloud.signatures.credentials import Credentials
from tools.stack.components import LOCAL_CLOUD_COMMAND

FLAGS = [
    "--data",
    "--host",
    "--oss-port",
    "--smq-port",
    "--imm-port",
    "--access-key-id",
    "--access-key-secret",
    "--security-token",
    "--region",
    "--bucket",
    "--topic",
    "--queue",
    "--event-rule",
    "--workers",
    "--log-level",
]
NEEDED = ["serve", "--data", "d", "--access-key-id", "testAK", "--access-key-secret", "testSK"]


def config(*arguments: str, environment: dict[str, str] | None = None) -> Config:
    return cli.read_config(cli.parser(environment or {}).parse_args(arguments), environment or {})


def test_the_defaults():
    found = config(*NEEDED)
    assert found == Config(
        data=Path("d").absolute(),
        credentials=Credentials("testAK", "testSK"),
        host="127.0.0.1",
        oss_port=9000,
        smq_port=9001,
        imm_port=9002,
        region="local-1",
        workers=os.cpu_count() or 1,
    )
    assert "testSK" not in repr(found)


def test_every_flag_is_also_a_variable():
    environment = {
        "LOCAL_CLOUD_DATA": "/somewhere",
        "LOCAL_CLOUD_HOST": "0.0.0.0",
        "LOCAL_CLOUD_OSS_PORT": "1",
        "LOCAL_CLOUD_SMQ_PORT": "2",
        "LOCAL_CLOUD_IMM_PORT": "3",
        "LOCAL_CLOUD_ACCESS_KEY_ID": "envAK",
        "LOCAL_CLOUD_ACCESS_KEY_SECRET": "envSK",
        "LOCAL_CLOUD_SECURITY_TOKEN": "envToken",
        "LOCAL_CLOUD_REGION": "cn-hangzhou",
        "LOCAL_CLOUD_BUCKET": "one, two,one",
        "LOCAL_CLOUD_TOPIC": "topic",
        "LOCAL_CLOUD_QUEUE": "queue",
        "LOCAL_CLOUD_EVENT_RULE": "bucket=one,topic=up,prefix=in/; bucket=two,topic=up,events=PutObject",
        "LOCAL_CLOUD_WORKERS": "5",
        "LOCAL_CLOUD_LOG_LEVEL": "info",
    }
    assert {cli.variable(flag) for flag in FLAGS} == set(environment)
    assert config("serve", environment=environment) == Config(
        data=Path("/somewhere"),
        credentials=Credentials("envAK", "envSK", "envToken"),
        host="0.0.0.0",
        oss_port=1,
        smq_port=2,
        imm_port=3,
        region="cn-hangzhou",
        buckets=("one", "two"),
        topic="topic",
        queue="queue",
        event_rules=(
            EventRule("one-up", "one", "up", prefix="in/"),
            EventRule("two-up", "two", "up", ("PutObject",)),
        ),
        workers=5,
    )


def test_a_flag_wins_over_its_variable():
    environment = {"LOCAL_CLOUD_REGION": "env-1", "LOCAL_CLOUD_BUCKET": "from-env"}
    found = config(*NEEDED, "--region", "flag-1", "--bucket", "a-1", "b-2", "--bucket", "c-3", environment=environment)
    assert (found.region, found.buckets) == ("flag-1", ("a-1", "b-2", "c-3"))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["serve"], "--data is missing; give it, or set LOCAL_CLOUD_DATA."),
        (["serve", "--data", "d"], "--access-key-id is missing; give it, or set LOCAL_CLOUD_ACCESS_KEY_ID."),
        ([*NEEDED[:5]], "--access-key-secret is missing; give it, or set LOCAL_CLOUD_ACCESS_KEY_SECRET."),
        ([*NEEDED, "--oss-port", "http"], "--oss-port is 'http'; a whole number is needed."),
        ([*NEEDED, "--smq-port", "65536"], "--smq-port is 65536; allowed are 0"),
        ([*NEEDED, "--smq-port", "9000"], "--oss-port, --smq-port, --imm-port and --admin-port must differ."),
        ([*NEEDED, "--region", "Local 1"], "--region is 'Local 1'"),
        ([*NEEDED, "--bucket", "ok-bucket", "No_Bucket"], "--bucket is 'No_Bucket'; allowed are 3 to 63"),
        ([*NEEDED, "--topic", "no topic"], "--topic is 'no topic'"),
        ([*NEEDED, "--queue", "q" * 121], "--queue is"),
        ([*NEEDED, "--event-rule", "bucket=one"], "--event-rule: the event rule 'bucket=one' has no topic"),
        ([*NEEDED, "--event-rule", "bucket=One,topic=t"], "--event-rule One-t names 'One'"),
        ([*NEEDED, "--workers", "0"], "--workers is 0"),
        ([*NEEDED, "--log-level", "loud"], "--log-level is 'loud'; allowed are debug, info, warning, error."),
    ],
)
def test_a_bad_setting_is_named_and_ends_with_2(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    for flag in FLAGS:
        monkeypatch.delenv(cli.variable(flag), raising=False)
    assert cli.serve(cli.parser({}).parse_args(arguments)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert named in printed.err
    assert "Traceback" not in printed.err
    assert "testSK" not in printed.err


def test_an_unknown_flag_ends_with_2(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as raised:
        cli.parser({}).parse_args([*NEEDED, "--oss", "1"])
    assert raised.value.code == 2
    assert "--oss" in capsys.readouterr().err


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"LOCAL_CLOUD_ACCESS_KEY_SECRET": "testSK"}
    return subprocess.run(
        [*LOCAL_CLOUD_COMMAND, "--access-key-id", "testAK", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=30,
        check=False,
    )


ANY_PORTS = ("--oss-port", "0", "--smq-port", "0", "--imm-port", "0")


def test_a_data_directory_serves_one_process(local_cloud: Any):
    result = run("--data", str(local_cloud.data), *ANY_PORTS)
    assert (result.returncode, result.stdout) == (2, "")
    assert f"is in use by another local cloud (process {local_cloud.pid})" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_port_in_use_is_named(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run("--data", str(tmp_path), "--oss-port", "0", "--smq-port", port, "--imm-port", "0")
    assert (result.returncode, result.stdout) == (2, "")
    assert f"--smq-port {port} on --host 127.0.0.1 can't be used" in result.stderr


def test_a_host_that_is_not_here_is_named(tmp_path: Path):
    result = run("--data", str(tmp_path), "--host", "192.0.2.1", *ANY_PORTS)
    assert result.returncode == 2
    assert "on --host 192.0.2.1 can't be used" in result.stderr


def test_a_data_directory_that_can_not_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    result = run("--data", str(tmp_path / "file" / "data"), *ANY_PORTS)
    assert result.returncode == 2
    assert "can't be used" in result.stderr


def test_a_shells_limit_of_open_files_is_raised(tmp_path: Path):
    low = "ulimit -Sn 64 && exec " + shlex.join(LOCAL_CLOUD_COMMAND)
    flags = shlex.join(["--data", str(tmp_path / "data"), "--access-key-id", "testAK", *ANY_PORTS])
    environment = os.environ | {"LOCAL_CLOUD_ACCESS_KEY_SECRET": "testSK"}
    with subprocess.Popen(
        ["sh", "-c", f"{low} {flags}"], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        address = urlsplit(json.loads(process.stdout.readline())["oss"])
        with contextlib.ExitStack() as held_open:
            for _ in range(100):
                held_open.enter_context(socket.create_connection((address.hostname, address.port), timeout=10))
            assert requests.get(address.geturl(), timeout=10).status_code == 403
        process.terminate()


def test_what_it_was_started_with_goes_to_no_program_it_starts(tmp_path: Path):
    environment = os.environ | {"LOCAL_CLOUD_ACCESS_KEY_SECRET": "testSK"}
    command = [*LOCAL_CLOUD_COMMAND, "--data", str(tmp_path / "data")]
    command += ["--access-key-id", "testAK", *ANY_PORTS]
    with (tmp_path / "lock").open("w") as lock:
        passed = lock.fileno()
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, pass_fds=[passed]) as process:
            assert process.stdout is not None
            assert process.stdout.readline()
            (flags,) = re.findall(r"flags:\s+(\d+)", Path(f"/proc/{process.pid}/fdinfo/{passed}").read_text())
            process.terminate()
    assert int(flags, 8) & os.O_CLOEXEC


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_on_a_signal(tmp_path: Path, number: signal.Signals):
    environment = os.environ | {"LOCAL_CLOUD_ACCESS_KEY_SECRET": "testSK"}
    command = [*LOCAL_CLOUD_COMMAND, "--data", str(tmp_path / "data")]
    command += ["--access-key-id", "testAK", *ANY_PORTS]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        assert list(addresses) == ["oss", "smq", "imm"]
        assert len(set(addresses.values())) == 3
        with requests.Session() as held_open:
            held_open.trust_env = False
            for address in addresses.values():
                assert held_open.get(address, timeout=10).status_code >= 400
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize(("flags", "silent"), [((), True), (("--log-level", "debug"), False)])
def test_nothing_is_logged_by_default_and_no_credential_ever(
    start_local_cloud: Callable[..., Any], flags: tuple[str, ...], silent: bool
):
    cloud = start_local_cloud(flags=flags)
    requests.get(f"{cloud.oss}/{cloud.bucket}/x", timeout=10)
    cloud.stop()
    assert cloud.access_key_secret not in cloud.log
    assert (cloud.log == "") is silent


def test_importing_the_command_is_cheap():
    """No SDK, no Airflow, no database toolkit is loaded to serve."""
    code = "import sys, oss_local_cloud.cli; print([m for m in sys.modules if '.' not in m])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("oss2", "alibabacloud_oss_v2", "airflow", "sqlalchemy", "requests", "av", "aiohttp"):
        assert f"'{heavy}'" not in loaded


def test_a_config_is_checked_however_it_is_made():
    with pytest.raises(ConfigError, match="access key is incomplete"):
        Config(Path("d"), Credentials("", "x"))
