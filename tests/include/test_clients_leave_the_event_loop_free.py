"""No client blocks the event loop: not by an import, not by TLS set-up, not by a file. blockbuster watches."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.cloud_process import CloudProcess

# A process of its own: whatever this one has imported before would hide an import on the loop.
PROGRAM = """
import asyncio, sys
from blockbuster import blockbuster_ctx
from oss_audio_core.oss import OssSettings
from oss_audio_core.smq import SmqClient, SmqSettings

oss, smq, bucket, queue, key_id, secret, region = sys.argv[1:]

async def main():
    async with OssSettings(oss, region, key_id, secret, path_style=True).open_aio_client() as client:
        sdk = sys.modules["alibabacloud_oss_v2"]
        await client.list_objects_v2(sdk.ListObjectsV2Request(bucket=bucket))
    async with SmqClient(SmqSettings(smq, key_id, secret)) as client:
        await client.receive(queue, wait_seconds=0)
    print("free")

with blockbuster_ctx():
    asyncio.run(main())
"""


def test_clients_leave_the_event_loop_free(local_cloud: CloudProcess) -> None:
    cloud = local_cloud
    arguments = [cloud.oss, cloud.smq, cloud.bucket, cloud.queue, cloud.access_key_id, cloud.access_key_secret]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments, cloud.region],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert (done.stdout.strip(), done.returncode) == ("free", 0), done.stderr
