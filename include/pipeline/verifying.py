"""Verifying a batch: each output is downloaded, probed and compared with what was asked; then it may be published."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from include.audio_convert import AudioConvert
from include.catalogue import conversions
from include.catalogue.conversions import Conversion, rest
from include.catalogue.database import Catalogue
from include.catalogue.schema import source
from include.catalogue.states import State, Verb
from include.oss import OssSettings
from include.verification import Probe, UnreadableAudio, check_complete, compare, expected, probe

from .moving import move_from

log = logging.getLogger(__name__)

#: Outputs verified at once: PyAV leaves the interpreter while it reads.
CONCURRENCY = 4


def verify_batch(catalogue: Catalogue, settings: OssSettings, batch_id: int) -> Counter[str]:
    """Verify every converted output of a batch. Can be run again at any time.

    Returns:
        How many conversions ended in which state.

    Raises:
        oss2.exceptions.OssError, requests.RequestException: reading failed, and not for want of the
            object; the others are verified.
    """
    with catalogue.read() as connection:
        converted = conversions.of_batch(connection, batch_id, [State.CONVERTED])
    verifier = _Verifier(catalogue, settings)
    with ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="verify") as pool:
        outcomes = Counter(state.value for state in pool.map(verifier.verify, converted))
    if verifier.error is not None:
        raise verifier.error
    return outcomes


class _SourceMoved(Exception):
    """The source is not what was planned any more; the message says how."""


class _Verifier:
    def __init__(self, catalogue: Catalogue, settings: OssSettings) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._session = settings.session()
        # One source has several renditions: whoever is first probes it, the others wait for that.
        self._sources: dict[int, Probe] = {}
        self._source_locks: dict[int, threading.Lock] = {}
        self._lock = threading.Lock()
        self.error: Exception | None = None

    def verify(self, one: Conversion) -> State:
        """In a pool thread: verify one output and move its row."""
        import oss2
        import requests

        try:
            source_probe = self._source(one)
            with tempfile.TemporaryDirectory(prefix="verify-") as folder:
                output = Path(folder) / "output"
                etag = self._download(one, output)
                measured = probe(output, f"oss://{one.output_bucket}/{one.output_key}")
        except _SourceMoved as moved:
            return self._end(one, Verb.SUPERSEDE, message=str(moved))
        except UnreadableAudio as error:
            return self._quarantine(one, "Unreadable", str(error))
        except oss2.exceptions.NoSuchKey:
            message = f"there is no object oss://{one.output_bucket}/{one.output_key}"
            return self._quarantine(one, "OutputMissing", message)
        except (oss2.exceptions.OssError, requests.exceptions.RequestException) as error:
            # The second: oss2 doesn't wrap what happens while it reads an answer.
            self.error = error
            return State.CONVERTED
        whole = replace(check_complete(source_probe), name="source")
        checks = [whole, *compare(expected(AudioConvert.parse(one.process), source_probe), measured)]
        found = {
            "output_etag": etag,
            "output_size": measured.size,
            "measured": asdict(measured),
            "checks": [asdict(check) for check in checks],
        }
        wrong = [str(check) for check in checks if not check.passed]
        if wrong:
            code = "Mismatch" if whole.passed else "SourceIncomplete"
            return self._quarantine(one, code, "; ".join(wrong), **found)
        return self._end(one, Verb.VERIFY, **found)

    def _source(self, one: Conversion) -> Probe:
        """What the source is, probed once for all its renditions; it must still be what was planned."""
        with self._lock:
            lock = self._source_locks.setdefault(one.source_id, threading.Lock())
        with lock:
            if one.source_id not in self._sources:
                self._sources[one.source_id] = self._probe_source(one)
            return self._sources[one.source_id]

    def _probe_source(self, one: Conversion) -> Probe:
        import oss2

        bucket = self._settings.bucket(one.bucket, session=self._session)
        unchanged = {"If-Match": f'"{one.etag}"'}
        try:
            if one.source_probe is not None:
                bucket.head_object(one.key, headers=unchanged)
                return Probe(**one.source_probe)
            with tempfile.TemporaryDirectory(prefix="verify-") as folder:
                there = Path(folder) / "source"
                bucket.get_object_to_file(one.key, str(there), headers=unchanged)
                found = probe(there, f"the source oss://{one.bucket}/{one.key}")
        except oss2.exceptions.NotFound:
            raise _SourceMoved(f"the source was removed after it was planned (ETag {one.etag})") from None
        except oss2.exceptions.PreconditionFailed:
            raise _SourceMoved(f"the source changed after it was planned (ETag {one.etag})") from None
        with self._catalogue.write() as connection:
            connection.execute(sa.update(source).where(source.c.id == one.source_id).values(probe=asdict(found)))
        return found

    def _download(self, one: Conversion, output: Path) -> str:
        """Fetch the output whole; oss2 compares its CRC-64. Returns its ETag."""
        bucket = self._settings.bucket(one.output_bucket or one.target_bucket, session=self._session)
        return str(bucket.get_object_to_file(one.output_key, str(output)).etag).strip('"')

    def _quarantine(self, one: Conversion, code: str, message: str, **found: Any) -> State:
        log.warning("oss://%s/%s as %s: %s", one.bucket, one.key, one.profile, message)
        return self._end(
            one,
            Verb.QUARANTINE,
            code=code,
            message=message,
            retry_at=rest(one.attempt),
            **found,
        )

    def _end(self, one: Conversion, verb: Verb, **values: Any) -> State:
        with self._catalogue.write() as connection:
            return move_from(connection, State.CONVERTED, verb, one.id, **values)
