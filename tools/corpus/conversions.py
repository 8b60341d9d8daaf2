"""The corpus through the product: uploaded to a local cloud, converted, verified and published by the pipeline."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from oss_audio_core.audio_convert import FORMATS, AudioConvert, Profile, load_profiles
from oss_audio_core.catalogue import Catalogue, batches, conversions, open_catalogue
from oss_audio_core.catalogue.batches import ListedObject
from oss_audio_core.catalogue.conversions import Conversion
from oss_audio_core.catalogue.states import State
from oss_audio_core.oss import OssSettings
from oss_audio_core.pipeline.planning import plan_batch
from oss_audio_core.pipeline.publishing import publish_batch
from oss_audio_core.pipeline.selection import Selection
from oss_audio_core.pipeline.submitting.options import SubmitOptions
from oss_audio_core.pipeline.submitting.shard_submitter import submit_shard
from oss_audio_core.pipeline.verifying import verify_batch
from oss_audio_core.pipeline.waiting.shard_waiter import ShardWaiter
from oss_audio_core.pipeline.waiting.shared_poller import SharedPoller
from oss_audio_core.smq import SmqSettings
from tools.cloud_process import CloudProcess

BUCKET, TOPIC, QUEUE = "corpus", "corpus-done", "corpus-queue"
PREFIX = "in/"
LONGEST = timedelta(hours=2)

ONE_OF_EACH = (
    "mobile-mp3",
    "streaming-aac-128k",
    "archive-flac",
    "web-oga",
    "broadcast-ac3",
    "podcast-opus",
    "voice-amr-nb",
)
"""A shipped profile for each format."""

BARE = tuple(f"bare-{name}" for name in FORMATS)
"""The formats without parameters."""


@dataclass(frozen=True)
class Outcome:
    """What became of one conversion.

    Attributes:
        source: key of the source, without the prefix.
        profile: name of the rendition.
        convert: its parameters.
        state: where it ended.
        code: of the failure; empty where there is none.
        message: of the failure.
        rendition: the file that was made, verified or not; None where there is none.
    """

    source: str
    profile: str
    convert: AudioConvert
    state: State
    code: str
    message: str
    rendition: Path | None


def bare_and_shipped() -> dict[str, Profile]:
    """The seven formats without parameters, and the profiles of the package; targets keep the source's extension."""
    bare = {
        f"bare-{name}": Profile(
            name=f"bare-{name}",
            description="",
            convert=AudioConvert(f=name),
            target_key="out/{profile}/{key}.{autoext}",
        )
        for name in FORMATS
    }
    shipped = {
        name: replace(profile, target_key="out/{profile}/{key}.{autoext}") for name, profile in load_profiles().items()
    }
    return bare | shipped


def convert_all(folder: Path, scratch: Path, profiles: Mapping[str, Profile], workers: int) -> Iterator[Outcome]:
    """Convert every file below `folder` to every profile, a batch for each of its folders.

    Args:
        folder: has a folder for each batch.
        scratch: for the cloud's data, the catalogue and the renditions.
        profiles: by name.
        workers: conversions at once.

    Yields:
        Every conversion's end, batch after batch.
    """
    # One line for each quarantined rendition; the table shows them.
    logging.getLogger("oss_audio_core").setLevel(logging.ERROR)
    flags = ("--workers", str(workers))
    with CloudProcess(scratch / "cloud", *flags, bucket=BUCKET, topic=TOPIC, queue=QUEUE) as cloud:
        smq = SmqSettings(cloud.smq, cloud.access_key_id, cloud.access_key_secret)
        oss = OssSettings(
            endpoint=cloud.oss,
            region=cloud.region,
            access_key_id=cloud.access_key_id,
            access_key_secret=cloud.access_key_secret,
            imm_endpoint=cloud.imm,
        )
        catalogue = open_catalogue(sa.URL.create("sqlite", database=str(scratch / "catalogue.db")))
        with contextlib.closing(catalogue):
            for one in sorted(path for path in folder.iterdir() if path.is_dir()):
                batch = _Batch(catalogue, oss, smq, one, profiles)
                batch.run()
                yield from batch.outcomes(scratch / "renditions")


class _Batch:
    """One folder of sources, through all steps of a batch."""

    def __init__(
        self,
        catalogue: Catalogue,
        oss: OssSettings,
        smq: SmqSettings,
        folder: Path,
        profiles: Mapping[str, Profile],
    ) -> None:
        self._catalogue, self._oss, self._smq = catalogue, oss, smq
        self._folder, self._profiles = folder, profiles
        self._bucket = oss.bucket(BUCKET)
        with catalogue.write() as connection:
            self._id = batches.open_batch(connection, f"corpus/{folder.name}", {}).id

    def run(self) -> None:
        """List, plan, submit, wait, verify, publish."""
        with self._catalogue.write() as connection:
            batches.begin_listing(connection, self._id)
            batches.add_listed(connection, self._id, [self._uploaded(path) for path in sorted(self._folder.iterdir())])
        selection = Selection(BUCKET, (f"{PREFIX}{self._folder.name}/",))
        plan = plan_batch(self._catalogue, selection, list(self._profiles.values()), self._id)
        for shard in plan.shards:
            submit_shard(self._catalogue, self._oss, self._id, shard, SubmitOptions(topic=TOPIC))
        asyncio.run(self._wait(plan.shards))
        verify_batch(self._catalogue, self._oss, self._id, profiles=self._profiles)
        publish_batch(self._catalogue, self._oss, self._id)

    def outcomes(self, folder: Path) -> Iterator[Outcome]:
        """Every conversion's end; renditions are downloaded into `folder`."""
        with self._catalogue.read() as connection:
            rows = conversions.of_batch(connection, self._id, list(State))
        for row in rows:
            yield Outcome(
                source=row.key.removeprefix(PREFIX),
                profile=row.profile,
                convert=self._profiles[row.profile].convert,
                state=row.state,
                code=row.code or "",
                message=row.message or "",
                rendition=self._rendition(row, folder),
            )

    def _uploaded(self, path: Path) -> ListedObject:
        key = f"{PREFIX}{self._folder.name}/{path.name}"
        put = self._bucket.put_object(key, path.read_bytes())
        return ListedObject(BUCKET, key, put.etag.strip('"'), path.stat().st_size, datetime.now(UTC))

    async def _wait(self, shards: Sequence[int]) -> None:
        until = datetime.now(UTC) + LONGEST
        async with SharedPoller(self._catalogue, self._oss, self._smq, QUEUE) as poller:
            await asyncio.gather(*(ShardWaiter(poller, (self._id, shard), until=until).wait() for shard in shards))

    def _rendition(self, row: Conversion, folder: Path) -> Path | None:
        if row.state not in {State.PUBLISHED, State.QUARANTINED}:
            return None
        published = row.state is State.PUBLISHED
        key = row.target_key if published else (row.output_key or row.target_key)
        target = folder / f"{row.id}.{row.target_key.rpartition('.')[2]}"
        folder.mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            target.unlink()
        self._bucket.get_object_to_file(key, str(target))
        return target
