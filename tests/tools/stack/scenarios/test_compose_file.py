"""The compose file: valid by the specification's own schema, and the same product that `make up` starts."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from oss_audio.deployment import NAMES, PREFIX, refuse_unknown
from tools.stack import PROJECT_ROOT, CloudEndpoints, CloudSettings
from tools.stack.components import AIRFLOW_COMPONENTS, LOCAL_CLOUD
from tools.stack.environment import Folders, cloud_environment, connections, core_settings, dag_settings
from tools.stack.settings import RunSecrets

SQLITE_ONLY = {
    "AIRFLOW__CORE__PARALLELISM",  # bounded for SQLite's one writer
    "AIRFLOW__CORE__HOSTNAME_CALLABLE",  # containers know each other's names
    "AIRFLOW__API__WORKERS",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL",
    "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG",
}
"""Settings of `make up` that only make sense on one machine with SQLite."""

CLUSTER_ONLY = {
    "AIRFLOW__CELERY__RESULT_BACKEND",
    "AIRFLOW__CELERY__BROKER_URL_CMD",
    "PGPASSWORD",
    "REDIS_PASSWORD",
    "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK",
}
"""Settings that the compose file adds for CeleryExecutor and its health checks."""

VARIABLE = re.compile(r"(?<!\$)\$\{(?P<name>[A-Z_]+)(?:(?P<kind>:?[-?])(?P<text>[^}]*))?\}")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((PROJECT_ROOT / "docker-compose.yaml").read_text())
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = compose["services"]
    return found


def command_words(service: dict[str, Any]) -> list[str]:
    command = service["command"]
    return command.split() if isinstance(command, str) else command


def with_defaults(text: str) -> str:
    """The text as compose would fill it in, with a word for each secret."""
    return VARIABLE.sub(lambda found: found["text"] if found["kind"] in {":-", "-"} else "secret", text)


def test_it_follows_the_compose_specification(compose: dict[str, Any]) -> None:
    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text())
    jsonschema.validate(compose, schema)


def test_the_schema_finds_a_mistake(compose: dict[str, Any]) -> None:
    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**compose, "services": {"x": {"imaje": "y"}}}, schema)


def test_it_runs_every_component_that_make_up_starts(services: dict[str, Any]) -> None:
    commands = [command_words(service)[0] for service in services.values() if "command" in service]
    assert set(AIRFLOW_COMPONENTS) <= set(commands)
    assert command_words(services[LOCAL_CLOUD]) == ["oss-audio", "local-cloud", "serve"]


def test_it_has_the_official_services(services: dict[str, Any]) -> None:
    assert set(services) == {
        *("postgres", "redis", "airflow-apiserver", "airflow-scheduler", "airflow-dag-processor"),
        *("airflow-triggerer", "airflow-worker", "airflow-init", "flower", LOCAL_CLOUD),
    }
    assert services["airflow-triggerer"]["deploy"]["replicas"] == 2
    assert services["flower"]["profiles"] == ["flower"]


def test_everything_that_keeps_running_has_a_health_check_and_waits_for_what_it_needs(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if name == "airflow-init":
            continue
        assert service["healthcheck"]["test"], name
        for needed, condition in service.get("depends_on", {}).items():
            kind = "service_completed_successfully" if needed == "airflow-init" else "service_healthy"
            assert condition["condition"] == kind, (name, needed)


@pytest.mark.parametrize(
    "service",
    ["airflow-apiserver", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer", "airflow-worker"],
)
def test_airflow_has_the_settings_of_make_up(services: dict[str, Any], service: str, tmp_path: Path) -> None:
    folders, secrets, cloud = Folders(tmp_path), RunSecrets.of(tmp_path), CloudSettings()
    endpoints = CloudEndpoints("http://local-cloud:9000", "http://local-cloud:9001", "http://local-cloud:9002")
    here = {
        **core_settings(folders, secrets, 8080),
        **connections(folders, secrets, cloud, endpoints),
        **dag_settings(folders, cloud),
    }
    there = {name: value for name, value in services[service]["environment"].items() if value is not None}
    assert set(here) - SQLITE_ONLY == set(there) - CLUSTER_ONLY - {"DUMB_INIT_SETSID"}
    for name in ("AIRFLOW__CORE__AUTH_MANAGER", "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"):
        assert there[name] == here[name]
    for name in ("OSS_AUDIO_BUCKET", "OSS_AUDIO_PREFIX", "OSS_AUDIO_TOPIC", "OSS_AUDIO_QUEUE"):
        assert with_defaults(there[name]) == here[name]
    assert there["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"


@pytest.mark.parametrize("service", ["airflow-dag-processor", "airflow-triggerer", "airflow-worker"])
def test_every_setting_of_the_dags_can_be_given_and_no_other(services: dict[str, Any], service: str) -> None:
    environment = services[service]["environment"]
    assert {name for name in environment if name.startswith(PREFIX)} == {f"{PREFIX}{name}" for name in NAMES}
    refuse_unknown(environment)


def test_the_connections_have_the_fields_of_make_up(services: dict[str, Any], tmp_path: Path) -> None:
    endpoints = CloudEndpoints("http://local-cloud:9000", "http://local-cloud:9001", "http://local-cloud:9002")
    here = connections(Folders(tmp_path), RunSecrets.of(tmp_path), CloudSettings(), endpoints)
    there = services["airflow-worker"]["environment"]
    secret = {"access_key_id", "access_key_secret", "login", "password"}
    for name in ("AIRFLOW_CONN_OSS_DEFAULT", "AIRFLOW_CONN_SMQ_DEFAULT"):
        ours, theirs = json.loads(here[name]), json.loads(with_defaults(there[name]))
        for mine, other in ((ours, theirs), (ours["extra"], theirs["extra"])):
            assert mine.keys() == other.keys(), name
            assert {k: v for k, v in mine.items() if k not in secret and k != "extra"} == {
                k: v for k, v in other.items() if k not in secret and k != "extra"
            }, name
    catalogue = json.loads(with_defaults(there["AIRFLOW_CONN_AUDIO_CATALOGUE"]))
    assert catalogue["conn_type"] == "postgres"
    created = (PROJECT_ROOT / "docker/create-audio-catalogue.sql").read_text()
    assert f"CREATE DATABASE {catalogue['schema']} " in created


def test_the_local_cloud_has_the_settings_of_make_up(services: dict[str, Any], tmp_path: Path) -> None:
    here = cloud_environment(Folders(tmp_path), RunSecrets.of(tmp_path), CloudSettings(), (9000, 9001, 9002))
    there = dict(services[LOCAL_CLOUD]["environment"])
    # The buckets of sources and of renditions; without a name for the latter they are one.
    there["LOCAL_CLOUD_BUCKET"] = with_defaults(there["LOCAL_CLOUD_BUCKET"]).removesuffix(",")
    assert here.keys() == there.keys()
    own = {"LOCAL_CLOUD_DATA", "LOCAL_CLOUD_HOST", "LOCAL_CLOUD_ACCESS_KEY_ID", "LOCAL_CLOUD_ACCESS_KEY_SECRET"}
    assert {k: v for k, v in here.items() if k not in own} == {
        k: with_defaults(v) for k, v in there.items() if k not in own
    }


def test_every_secret_is_required_and_none_has_a_default() -> None:
    text = (PROJECT_ROOT / "docker-compose.yaml").read_text()
    found = list(VARIABLE.finditer(text))
    secret = {
        "FERNET_KEY",
        "JWT_SECRET",
        "POSTGRES_PASSWORD",
        "REDIS_PASSWORD",
        "ADMIN_PASSWORD",
        "OSS_ACCESS_KEY_ID",
        "OSS_ACCESS_KEY_SECRET",
    }
    assert {match["name"] for match in found if match["kind"] == ":?"} == secret
    assert not {match["name"] for match in found if match["kind"] in {":-", "-"}} & secret


def test_a_prefix_that_is_set_and_empty_stays_empty(services: dict[str, Any]) -> None:
    match = VARIABLE.fullmatch(services["airflow-worker"]["environment"]["OSS_AUDIO_PREFIX"])
    assert match is not None
    assert match["kind"] == "-"


def test_its_comment_on_the_real_cloud_names_every_variable_of_the_example() -> None:
    example = (PROJECT_ROOT / ".env.example").read_text().partition("The real cloud")[2].partition("\n\n")[0]
    (comment,) = re.findall(
        "^# To work on the real cloud, .*", (PROJECT_ROOT / "docker-compose.yaml").read_text(), re.MULTILINE
    )
    needed = re.findall(r"^# ([A-Z_]+)=", example, re.MULTILINE)
    assert needed
    assert [name for name in needed if name not in comment] == []


def test_the_example_lists_every_variable_and_holds_no_secret() -> None:
    example = (PROJECT_ROOT / ".env.example").read_text()
    listed = dict(re.findall(r"^#? ?([A-Z_]+)=(.*)$", example, re.MULTILINE))
    text = (PROJECT_ROOT / "docker-compose.yaml").read_text()
    passed = yaml.safe_load(text)["x-airflow-common"]["environment"]
    used = {match["name"] for match in VARIABLE.finditer(text)} | {k for k, v in passed.items() if v is None}
    assert used - {"AIRFLOW_IMAGE_NAME", "LOCAL_CLOUD_IMAGE_NAME", "AIRFLOW_BASE_URL"} == set(listed)
    assert all(re.search(rf"^{name}=$", example, re.MULTILINE) for name in listed if listed[name] == "")


def test_the_image_holds_what_the_package_needs() -> None:
    dockerfile = (PROJECT_ROOT / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?:--\S+ )?(.+) \S+$", dockerfile, re.MULTILINE)
    sources = {source for group in copied for source in group.split()}
    assert {
        "requirements.txt",
        "requirements-local-cloud.txt",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "dags",
        "plugins",
        "include",
    } <= sources
    assert all((PROJECT_ROOT / source).exists() for source in sources)
    allowed = {
        line.removeprefix("!")
        for line in (PROJECT_ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert {source.partition("/")[0] for source in sources} <= allowed
    assert "PYTHONPATH=" not in dockerfile  # what is installed is found without it
    (airflow,) = re.findall(r"^apache-airflow==(\S+)", (PROJECT_ROOT / "requirements.txt").read_text(), re.MULTILINE)
    base = f"apache/airflow:slim-{airflow}-python3.11"
    assert f"ARG AIRFLOW_BASE_IMAGE={base}\nFROM ${{AIRFLOW_BASE_IMAGE}} AS airflow" in dockerfile


def test_ffmpeg_is_in_the_image_of_the_local_cloud_alone(services: dict[str, Any]) -> None:
    stages = re.split(r"^FROM ", (PROJECT_ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    names = [stage.splitlines()[0] for stage in stages]
    assert names == ["${AIRFLOW_BASE_IMAGE} AS airflow", "airflow AS local-cloud", "airflow"]
    assert ["requirements-local-cloud.txt" in stage for stage in stages] == [False, True, False]
    assert all("pip install --no-cache-dir --require-hashes -r" in stage for stage in stages[:2])
    for name, service in services.items():
        if "build" in service:
            assert service["build"]["target"] == (LOCAL_CLOUD if name == LOCAL_CLOUD else "airflow"), name
    assert services[LOCAL_CLOUD]["image"] != services["airflow-worker"]["image"]


def test_every_image_has_an_exact_tag_and_may_be_given_by_digest(services: dict[str, Any]) -> None:
    example = (PROJECT_ROOT / ".env.example").read_text()
    base = services["airflow-worker"]["build"]["args"]["AIRFLOW_BASE_IMAGE"]
    for image in (services["postgres"]["image"], services["redis"]["image"], base):
        match = VARIABLE.fullmatch(image)
        assert match is not None
        name, tag = match["text"].split(":")
        assert re.search(r"(^|-)\d+\.\d+(\.\d+)?-[a-z0-9.]+$", tag), image
        assert f"# {match['name']}={name}:{tag}@sha256:" in example
    page = (PROJECT_ROOT / "docs" / "quick-start.md").read_text()
    assert f"inspect {with_defaults(services['postgres']['image'])} " in page
