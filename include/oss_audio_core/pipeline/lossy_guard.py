"""Never degrade: no lossy rendition of a lossy source that has fewer bits to begin with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from oss_audio_core.audio_convert import AudioConvert
from oss_audio_core.audio_convert.containers.mp3_header import after_id3
from oss_audio_core.catalogue import sources
from oss_audio_core.catalogue.conversions import CHUNK
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.schema import listing, source
from oss_audio_core.oss import OssSettings
from oss_audio_core.oss.error_classification import is_object_error
from oss_audio_core.text.logs import get_logger

if TYPE_CHECKING:
    from oss_audio_core.verification import RemoteProbe

log = get_logger(__name__)

MAYBE_LOSSY = (
    *("aac", "ac3", "amr", "asf", "flv", "m4a", "m4b", "mka", "mkv", "mov", "mp2", "mp3", "mp4"),
    *("oga", "ogg", "opus", "ts", "webm", "wma", "wmv"),
)
"""Extensions behind which there may be a lossy codec; other files are not probed."""

LOSSLESS = frozenset({"flac", "alac", "ape", "tta", "wavpack", "truehd", "mlp", "wmalossless"})
"""FFmpeg's names of codecs that lose nothing; besides these, all that begin with `pcm_` and `dsd_`."""

CONCURRENCY = 8
"""Sources probed at once."""

TURN = 100
"""Sources written down in one transaction."""


def degrades(convert: AudioConvert, codec: str | None, bitrate: int | None) -> bool:
    """Whether a conversion would spend more bits than its lossy source ever had.

    Args:
        convert: the parameters.
        codec: of the source, FFmpeg's name; None: not known, and then it is taken not to degrade.
        bitrate: of the source's audio, bit/s; None: not known, the same.
    """
    if convert.format.lossless or convert.ab is None or codec is None or not bitrate:
        return False
    if codec in LOSSLESS or codec.startswith(("pcm_", "dsd_")):
        return False
    return bitrate < convert.ab


def source_bitrate(row: Any) -> int | None:
    """The bit/s of a source, from a row with `bitrate`, `duration` and `size`.

    That of the audio itself where it is known, else of the whole file, which is never less.
    """
    if row.bitrate:
        return int(row.bitrate)
    return round(row.size * 8 / row.duration) if row.duration else None


def probe_lossy_sources(catalogue: Catalogue, settings: OssSettings, batch_id: int) -> int:
    """Find out codec and duration of a batch's listed sources that may be lossy, by two ranged reads each.

    Each content is probed once, whatever the number of nights. A source that can't be read is left to its conversion,
    which fails with the reason.

    Returns:
        How many were probed.

    Raises:
        oss2.exceptions.OssError, requests.RequestException: reading failed, and not because of one object.
    """
    session = settings.session(CONCURRENCY)
    looked = 0
    with ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="look") as pool:
        for page in _unknown(catalogue, batch_id):
            found = pool.map(lambda row: (row, _look(settings, session, row)), page)
            while turn := list(islice(found, TURN)):
                with catalogue.write() as connection:
                    for row, seen in turn:
                        if seen is not None:
                            sources.describe_estimate(
                                connection, row, {**asdict(seen.probe), "bitrate": seen.audio_bitrate}
                            )
                looked += len(turn)
    return looked


def _unknown(catalogue: Catalogue, batch_id: int) -> Iterator[Sequence[Row[Any]]]:
    """Listed objects of which no codec is known, some at a time."""
    # By all of the listing's key: by a part of it, SQLite would sort the whole listing anew for each page.
    place, after = sa.tuple_(listing.c.bucket, listing.c.key), ("", "")
    statement = (
        sa.select(listing)
        .outerjoin(
            source,
            sa.and_(
                source.c.bucket == listing.c.bucket, source.c.key == listing.c.key, source.c.etag == listing.c.etag
            ),
        )
        .where(
            listing.c.batch_id == batch_id,
            listing.c.size > 0,
            source.c.codec.is_(None),
            sa.or_(*(sa.func.lower(listing.c.key).like(f"%.{extension}") for extension in MAYBE_LOSSY)),
        )
        .order_by(listing.c.bucket, listing.c.key)
        .limit(CHUNK)
    )
    while True:
        with catalogue.read() as connection:
            page = connection.execute(statement.where(place > after)).all()
        if not page:
            return
        yield page
        after = (page[-1].bucket, page[-1].key)


def _look(settings: OssSettings, session: Any, row: Row[Any]) -> RemoteProbe | None:
    # Imported here: planning alone needs no audio libraries.
    import oss2

    from oss_audio_core.verification import UnreadableAudio, probe_remote

    name = f"oss://{row.bucket}/{row.key}"
    try:
        return probe_remote(_reader(settings.bucket(row.bucket, session=session), row.key, row.etag), name, row.size)
    except UnreadableAudio as error:
        log.warning("%s", error)
    except oss2.exceptions.OssError as error:
        if not is_object_error(error):
            raise
        log.warning("%s", settings.explain(error, f"Looking at {name}"))
    return None


def _reader(bucket: Any, key: str, etag: str) -> Callable[[int, int], tuple[bytes, int]]:
    """Reads ranges of an object as if it began after its ID3 tags: a cover may be larger than what is read at once."""
    skipped = 0

    def fetch(start: int, length: int) -> tuple[bytes, int]:
        answer = bucket.get_object(key, byte_range=(start, start + length - 1), headers={"If-Match": f'"{etag}"'})
        body: bytes = answer.read()
        size = answer.headers.get("Content-Range", "").rpartition("/")[2]
        return body, int(size or len(body))

    def read_range(start: int, length: int) -> tuple[bytes, int]:
        nonlocal skipped
        body, size = fetch(skipped + start, length)
        if not start and not skipped and 0 < (tags := after_id3(BytesIO(body))) < size:
            skipped = tags
            body, size = fetch(skipped, length)
        return body, size - skipped

    return read_range
