"""What Airflow's UI gets to know of the `smq` connection type."""

from __future__ import annotations

import importlib.resources
import json
import re
import subprocess
import sys

import jsonschema
import pytest
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
from airflow.providers_manager import ProvidersManager
from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

from oss_audio.provider_info import get_provider_info


def test_the_description_follows_airflows_schema() -> None:
    schema = json.loads((importlib.resources.files("airflow") / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_airflow_finds_the_package_and_its_hook() -> None:
    assert "airflow-provider-oss-audio" in ProvidersManager().providers
    hook = ProvidersManagerTaskRuntime().hooks["smq"]
    assert hook is not None
    assert hook.hook_class_name == "oss_audio.hooks.smq.SMQHook"
    assert hook.connection_id_attribute_name == "smq_conn_id"
    assert hook.connection_testable


def test_the_form_is_in_what_the_api_server_sends() -> None:
    [form] = [meta for meta in HookMetaService.hook_meta_data() if meta.connection_type == "smq"]
    assert form.hook_name == "Alibaba Cloud SMQ"
    standard = form.standard_fields
    assert standard is not None
    assert standard.host is not None
    assert standard.login is not None
    assert standard.password is not None
    assert (standard.host.title, standard.login.title, standard.password.title) == (
        "Endpoint",
        "Access key ID",
        "Access key secret",
    )
    assert standard.url_schema is not None
    assert standard.url_schema.hidden
    assert form.extra_fields is not None
    assert list(form.extra_fields) == ["queue", "topic", "security_token"]
    assert form.extra_fields["security_token"]["schema"]["format"] == "password"
    assert form.extra_fields["queue"]["schema"]["title"] == "Queue"


@pytest.fixture(scope="module")
def said() -> str:
    """What a fresh process says when it is asked which packages the types are from."""
    code = (
        "from airflow.providers_manager import ProvidersManager; m = ProvidersManager();"
        "print(*(f'{kind} is from {m.hooks[kind].package_name}' for kind in ('smq', 'oss')), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_no_warning_about_the_types(said: str) -> None:
    """Airflow logs a warning when two packages describe one type, or when a description is inconsistent."""
    assert "already" not in said
    assert "Inconsistency" not in said


@pytest.mark.parametrize(
    ("kind", "package"), [("smq", "airflow-provider-oss-audio"), ("oss", "apache-airflow-providers-alibaba")]
)
def test_each_type_is_from_its_package(said: str, kind: str, package: str) -> None:
    assert f"{kind} is from {package}\n" in said


def test_every_module_with_a_class_for_airflow_is_listed() -> None:
    info = get_provider_info()
    for kind, base in (("operators", "Operator"), ("sensors", "Sensor"), ("hooks", "Hook"), ("triggers", "Trigger")):
        (entry,) = info[kind]
        folder = importlib.resources.files("oss_audio") / kind
        public = re.compile(rf"^class [A-Z]\w*{base}\(", re.MULTILINE)
        found = {
            f"oss_audio.{kind}.{path.name.removesuffix('.py')}"
            for path in folder.iterdir()
            if path.name.endswith(".py") and path.name != "base.py" and public.search(path.read_text())
        }
        assert set(entry["python-modules"]) == found
