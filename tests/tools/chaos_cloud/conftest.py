"""A local cloud with the bucket, topic and queue of the chaos clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tools.chaos_cloud.conversions import NOTIFICATIONS
from tools.chaos_cloud.messages import make_queue
from tools.chaos_cloud.worker import BUCKET, TOPIC, bucket_of
from tools.cloud_process import CloudProcess


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    with CloudProcess(
        tmp_path_factory.mktemp("chaos") / "data", bucket=BUCKET, topic=TOPIC, queue=NOTIFICATIONS
    ) as running:
        make_queue(running)
        yield running


@pytest.fixture
def bucket(cloud: CloudProcess) -> Iterator[Any]:
    made = bucket_of(cloud)
    yield made
    made.session.session.close()
