"""Operators, sensors, triggers and hooks for audio transcoding in Alibaba Cloud OSS."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

MINIMUM_AIRFLOW = (3, 2)
"""The first Airflow with the public SDK (`airflow.sdk`) that this package is written with."""


def _require_airflow() -> None:
    """Refuse to be imported where the first use would fail with a puzzling ImportError.

    Raises:
        RuntimeError: Airflow is absent or older than `MINIMUM_AIRFLOW`.
    """
    needed = ".".join(map(str, MINIMUM_AIRFLOW))
    for distribution in ("apache-airflow-core", "apache-airflow"):  # Airflow 2 has the second only
        try:
            found = version(distribution)
        except PackageNotFoundError:
            continue
        if tuple(int(part) for part in found.split(".")[:2]) < MINIMUM_AIRFLOW:
            raise RuntimeError(
                f"airflow-provider-oss-audio needs Airflow {needed} or newer and this is Airflow {found}: upgrade "
                f"Airflow, such as pip install 'apache-airflow>={needed}'"
            )
        return
    raise RuntimeError(
        f"airflow-provider-oss-audio needs Airflow {needed} or newer for its operators; none is installed: "
        "pip install 'airflow-provider-oss-audio[airflow]'"
    )


_require_airflow()
