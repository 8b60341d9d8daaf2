"""The built wheel in environments outside the checkout: Airflow without the local cloud, and the reverse."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.distribution import FreshEnvironment, build
from tools.stack import PROJECT_ROOT

HERE = Path(__file__).parent


@dataclass(frozen=True)
class AdmittedAirflow:
    """One end of the range of Airflow versions that the package admits.

    Attributes:
        name: of the end.
        requirements: what stands in an environment before the package comes.
        pins: versions of everything.
        extras: of the package.
    """

    name: str
    requirements: tuple[str, ...]
    pins: Path
    extras: str


OLDEST = AdmittedAirflow("oldest", ("apache-airflow",), HERE / "requirements-oldest.txt", "[airflow,parquet]")
"""With the oldest provider of the connection type `oss`, and with exports."""

NEWEST = AdmittedAirflow("newest", ("apache-airflow",), PROJECT_ROOT / "requirements.txt", "")
"""The newest that is locked, with the package alone: without the Alibaba provider, and so without pyarrow."""


@pytest.fixture(scope="session")
def outside() -> Iterator[Path]:
    """A folder outside the checkout, on disk: environments have hundreds of megabytes."""
    folder = Path(tempfile.mkdtemp(prefix="oss audio wheel ", dir="/var/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def wheel(outside: Path) -> Path:
    """The wheel that `make dist` builds."""
    return build(outside / "dist")


@pytest.fixture(scope="session")
def cloud_environment(outside: Path, wheel: Path) -> FreshEnvironment:
    """The wheel with its extra `local-cloud`, without Airflow."""
    environment = FreshEnvironment(outside / "local-cloud")
    pins = PROJECT_ROOT / "requirements-local-cloud.txt"
    environment.install(f"airflow-provider-oss-audio[local-cloud] @ {wheel.as_uri()}", constraints=pins)
    return environment


@pytest.fixture(scope="module", params=[OLDEST, NEWEST], ids=lambda end: end.name)
def admitted(request: pytest.FixtureRequest) -> AdmittedAirflow:
    """Either end of the range."""
    end: AdmittedAirflow = request.param
    return end


@pytest.fixture(scope="module")
def airflow_environment(outside: Path, wheel: Path, admitted: AdmittedAirflow) -> FreshEnvironment:
    """An Airflow that was there before, into which the wheel is installed."""
    environment = FreshEnvironment(outside / admitted.name)
    environment.install(*admitted.requirements, constraints=admitted.pins)
    before = environment.versions()
    environment.install(f"airflow-provider-oss-audio{admitted.extras} @ {wheel.as_uri()}", constraints=admitted.pins)
    after = environment.versions()
    assert {name: after.get(name) for name in before} == before, "installing the package changed what was there"
    return environment
