"""Print what an installation takes on disk: the package on an Airflow that is there, and the local cloud alone."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tools.distribution import DISTRIBUTION, PROJECT_ROOT, FreshEnvironment, build

PINS, CLOUD_PINS = PROJECT_ROOT / "requirements.txt", PROJECT_ROOT / "requirements-local-cloud.txt"


def main() -> int:
    """Measure in fresh environments, with the versions of the requirements files."""
    with tempfile.TemporaryDirectory(prefix="installed-size-", dir="/var/tmp") as scratch:
        folder = Path(scratch)
        wheel = build(folder / "dist").as_uri()
        airflow = FreshEnvironment(folder / "airflow")
        airflow.install("apache-airflow", constraints=PINS)
        size = airflow.size()
        _show("Airflow", size)
        for extras in ("", "[parquet]", "[parquet,postgres]"):
            airflow.install(f"{DISTRIBUTION}{extras} @ {wheel}", constraints=PINS)
            _show(f"+ {DISTRIBUTION}{extras}", airflow.size() - size)
        cloud = FreshEnvironment(folder / "cloud")
        empty = cloud.size()
        cloud.install(f"{DISTRIBUTION}[local-cloud] @ {wheel}", constraints=CLOUD_PINS)
        _show(f"{DISTRIBUTION}[local-cloud] alone", cloud.size() - empty)
    return 0


def _show(what: str, size: int) -> None:
    print(f"{what:<55} {size / 1e6:6.0f} MB", flush=True)


if __name__ == "__main__":
    sys.exit(main())
