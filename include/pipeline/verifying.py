"""Verifying a batch: each output is downloaded, probed and compared with what was asked; then it may be published."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from include.audio_convert import AudioConvert
from include.catalogue import batches, checks, conversions, sources
from include.catalogue.checks import CheckResult
from include.catalogue.conversions import Conversion, rest
from include.catalogue.database import Catalogue
from include.catalogue.states import MOVES, State, Verb
from include.oss import OssSettings
from include.verification import Check, Probe, UnreadableAudio, check_complete, compare, expected, probe

from .moving import move_from
from .refusals import is_about_the_object

log = logging.getLogger(__name__)

#: Outputs verified at once: PyAV leaves the interpreter while it reads.
CONCURRENCY = 4
#: Findings written down in one transaction. A process that dies before it only has to verify them again.
TURN = 32


def verify_batch(catalogue: Catalogue, settings: OssSettings, batch_id: int) -> Counter[str]:
    """Verify every converted output of a batch. Can be run again at any time.

    Returns:
        How many conversions ended in which state.

    Raises:
        NoSuchBatch: the catalogue was replaced since the run began.
        oss2.exceptions.OssError, requests.RequestException: reading failed, and not for the object's
            sake; the others are verified.
    """
    with catalogue.read() as connection:
        batches.get_batch(connection, batch_id)
        converted = conversions.of_batch(connection, batch_id, [State.CONVERTED])
    verifier = _Verifier(settings)
    outcomes: Counter[str] = Counter()
    with ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="verify") as pool:
        findings = pool.map(verifier.verify, converted)
        while turn := list(islice(findings, TURN)):
            with catalogue.write() as connection:
                outcomes.update(_enter(connection, finding).value for finding in turn)
    if verifier.error is not None:
        raise verifier.error
    return outcomes


class _SourceMoved(Exception):
    """The source is not what was planned any more; the message says how."""


@dataclass(frozen=True)
class _Finding:
    """What verification found, as a move of the row; no verb: nothing could be found out."""

    one: Conversion
    verb: Verb | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    source: Probe | None = None
    checks: Sequence[Check] = ()


def _enter(connection: Connection, finding: _Finding) -> State:
    """Write one finding down, if the row still stands where it was found."""
    one = finding.one
    if finding.source is not None and one.source_probe is None:
        sources.describe(connection, one.source_id, probe=asdict(finding.source))
    if finding.verb is None:
        return State.CONVERTED
    standing = move_from(connection, State.CONVERTED, finding.verb, one.this_attempt, **finding.values)
    if finding.checks and standing is MOVES[finding.verb].target:
        checks.record(connection, one.this_attempt, map(_result, finding.checks))
    return standing


def _result(check: Check) -> CheckResult:
    return CheckResult(check.name, check.expected, check.measured, check.verdict)


class _Verifier:
    def __init__(self, settings: OssSettings) -> None:
        self._settings = settings
        self._session = settings.session()
        # One source has several renditions: whoever is first probes it, the others wait for that.
        self._sources: dict[int, Probe] = {}
        self._source_locks: dict[int, threading.Lock] = {}
        self._lock = threading.Lock()
        self.error: Exception | None = None

    def verify(self, one: Conversion) -> _Finding:
        """In a pool thread: verify one output. Writes nothing down."""
        import oss2
        import requests

        try:
            source_probe = self._source(one)
            with tempfile.TemporaryDirectory(prefix="verify-") as folder:
                output = Path(folder) / "output"
                etag = self._download(one, output)
                measured = probe(output, f"oss://{one.output_bucket}/{one.output_key}")
        except _SourceMoved as moved:
            return _Finding(one, Verb.SUPERSEDE, {"message": str(moved)})
        except UnreadableAudio as error:
            return _quarantine(one, "Unreadable", str(error))
        except oss2.exceptions.NoSuchKey:
            message = f"there is no object oss://{one.output_bucket}/{one.output_key}"
            return _quarantine(one, "OutputMissing", message)
        except (oss2.exceptions.OssError, requests.exceptions.RequestException) as error:
            # The second: oss2 doesn't wrap what happens while it reads an answer.
            if is_about_the_object(error):
                code, reason = error.code or f"HTTP {error.status}", error.message or "no reason given"
                return _quarantine(one, code, f"OSS refuses to give the source or the output: {reason}")
            self.error = error
            return _Finding(one)
        whole = replace(check_complete(source_probe), name="source")
        made = [whole, *compare(expected(AudioConvert.parse(one.process), source_probe), measured)]
        found = {
            "output_etag": etag,
            "output_size": measured.size,
            "measured": asdict(measured),
        }
        wrong = [str(check) for check in made if check.failed]
        if wrong:
            code = "Mismatch" if whole.passed else "SourceIncomplete"
            return _quarantine(one, code, "; ".join(wrong), source_probe, made, **found)
        return _Finding(one, Verb.VERIFY, found, source_probe, made)

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
        return found

    def _download(self, one: Conversion, output: Path) -> str:
        """Fetch the output whole; oss2 compares its CRC-64. Returns its ETag."""
        bucket = self._settings.bucket(one.output_bucket or one.target_bucket, session=self._session)
        return str(bucket.get_object_to_file(one.output_key, str(output)).etag).strip('"')


def _quarantine(
    one: Conversion,
    code: str,
    message: str,
    probed: Probe | None = None,
    made: Sequence[Check] = (),
    **found: Any,
) -> _Finding:
    log.warning("oss://%s/%s as %s: %s", one.bucket, one.key, one.profile, message)
    values = {"code": code, "message": message, "retry_at": rest(one.attempt), **found}
    return _Finding(one, Verb.QUARANTINE, values, probed, made)
