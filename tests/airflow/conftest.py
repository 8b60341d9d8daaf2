"""A real Airflow (scheduler, triggerer, DAG processor, API server) and a real local cloud, once for the session."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import oss2
import pytest

from oss_audio_core.catalogue import Catalogue, open_catalogue
from oss_audio_core.oss import OssSettings
from tools.demo.samples import make_samples
from tools.demo.upload import oss_settings, upload_samples
from tools.stack import PROJECT_ROOT, Stack


@pytest.fixture(scope="session")
def airflow_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack, with the project's DAGs and those of `dags/` here, and the demo's samples in the bucket."""
    folder = tmp_path_factory.mktemp("airflow-stack")
    dags = folder / "dags"
    shutil.copytree(PROJECT_ROOT / "dags", dags)
    shutil.copytree(Path(__file__).parent / "dags", dags, dirs_exist_ok=True)
    stack = Stack(
        folder / "run",
        dags_folder=dags,
        # No night begins by itself: the next 29th of February is far away.
        extra_env={"OSS_AUDIO_SCHEDULE": "0 0 29 2 *", "OSS_AUDIO_MANIFESTS": "on"},
    )
    with stack:
        make_samples(folder / "samples")
        names = stack.cloud_settings
        upload_samples(oss_settings(stack).bucket(names.bucket), names.prefix, folder / "samples")
        for dag_id in (
            "nightly_audio_batch",
            "convert_audio",
            "requeue_failed",
            "custom_dag",
            "batch_without_a_topic",
            "asset_consumer",
            "two_pipelines",
            "mapped_batches",
        ):
            stack.airflow.wait_for_dag(dag_id)
        yield stack


@pytest.fixture(scope="session")
def cloud_settings(airflow_stack: Stack) -> OssSettings:
    """How the stack's workers reach its local cloud."""
    return oss_settings(airflow_stack)


@pytest.fixture(scope="session")
def media(airflow_stack: Stack, cloud_settings: OssSettings) -> oss2.Bucket:
    """The bucket with the samples."""
    return cloud_settings.bucket(airflow_stack.cloud_settings.bucket)


@pytest.fixture
def catalogue(airflow_stack: Stack) -> Iterator[Catalogue]:
    """The catalogue that the stack's tasks write."""
    opened = open_catalogue(airflow_stack.catalogue_url)
    yield opened
    opened.close()
