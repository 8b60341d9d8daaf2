"""Verifying a batch: each output is decoded or probed and compared with what was asked; then it may be published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from sqlalchemy.engine import Connection

from oss_audio_core.audio_convert import Profile, load_profiles
from oss_audio_core.catalogue import batches, check_results, conversions
from oss_audio_core.catalogue.check_results import CheckResult
from oss_audio_core.catalogue.conversions import Conversion, move_from, next_retry
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.row_isolation import RowRefused, one_row
from oss_audio_core.catalogue.states import MOVES, State, Verb
from oss_audio_core.oss import OssSettings, TaskNotFound
from oss_audio_core.oss.error_classification import is_object_error
from oss_audio_core.pipeline import outputs_in_place
from oss_audio_core.pipeline.circuit_breaker import CircuitBreaker
from oss_audio_core.pipeline.fetching import Reader
from oss_audio_core.pipeline.final_keys import CODE, FinalKeys, TargetOccupied
from oss_audio_core.pipeline.flow import gathered, in_order
from oss_audio_core.pipeline.output_measures import measure_output
from oss_audio_core.pipeline.sidecars import put_sidecars
from oss_audio_core.pipeline.source_measures import SourceMeasures, SourceMoved, measure_source
from oss_audio_core.pipeline.verification_errors import OutputNotYet
from oss_audio_core.pipeline.verification_work import Output, SourceOutputs, outputs_by_source
from oss_audio_core.text.logs import get_logger
from oss_audio_core.verification import Check, UnreadableAudio
from oss_audio_core.verification.source_damage import source_damage_check, source_is_complete

log = get_logger(__name__)

CONCURRENCY = 4
"""Sources whose outputs are verified at once: decoding and measuring leave the interpreter."""

FINDINGS_PER_TRANSACTION = 32
"""Findings in one transaction. If the process dies before it, they are verified again."""


def verify_batch(
    catalogue: Catalogue,
    settings: OssSettings,
    batch_id: int,
    uid: str | None = None,
    *,
    shard: int | None = None,
    profiles: Mapping[str, Profile] | None = None,
) -> Counter[str]:
    """Verify every converted output of a batch, or of one shard of it. Can be run again at any time.

    Args:
        catalogue: where the batch is.
        settings: of OSS.
        batch_id: the batch.
        uid: the batch's own, where it is known: an id may be given again.
        shard: number of the shard; None: the whole batch.
        profiles: profiles with the verification policies; those of the profile files if None.

    Returns:
        How many conversions ended in which state.

    Raises:
        NoSuchBatch: the catalogue was replaced since the run began.
        ProfileError: a profile file is wrong.
        oss2.exceptions.OssError, requests.RequestException: reading failed, and not because of the
            object; the others are verified, unless the service is away.
        OutputNotYet: a message called a task done that still runs; the others are verified.
        ScratchSpaceError: the folder for temporary files has no room for an object; the others are verified.
    """
    with catalogue.read() as connection:
        batches.get_batch(connection, batch_id, uid)
    verifier = _Verifier(settings, FinalKeys(catalogue, settings))
    known = load_profiles() if profiles is None else profiles
    pages = _pages(catalogue, settings, batch_id, shard)
    works = chain.from_iterable(outputs_by_source(catalogue, verifier.reader, known, page) for page in pages)
    outcomes: Counter[str] = Counter()
    with ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="verify") as pool:
        findings = in_order(pool, verifier.verify, works, ahead=4 * CONCURRENCY)
        for page in gathered(findings, FINDINGS_PER_TRANSACTION):
            with catalogue.write() as connection:
                outcomes.update(_enter_alone(connection, finding).value for group in page for finding in group)
    if verifier.circuit.error is not None:
        raise verifier.circuit.error
    return outcomes


def _pages(catalogue: Catalogue, settings: OssSettings, batch_id: int, shard: int | None) -> Iterator[list[Conversion]]:
    """The conversions to verify. What was written in place is recorded first, whatever becomes of it."""
    for page in conversions.pages_of_batch(catalogue, batch_id, [State.CONVERTED], shard=shard):
        in_place = [(one.target_bucket, one.target_key) for one in page if one.publish != "staged"]
        outputs_in_place.record(catalogue, outputs_in_place.look_up(settings, in_place))
        yield page


@dataclass(frozen=True)
class _Finding:
    """The result of one verification, as a move of the row; no verb: there is no result."""

    one: Conversion
    verb: Verb | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    source: SourceMeasures | None = None
    checks: Sequence[Check] = ()


def _enter_alone(connection: Connection, finding: _Finding) -> State:
    """Write one finding; what the catalogue can't store is quarantined with that reason, and its neighbours stand."""
    try:
        with one_row(connection):
            return _enter(connection, finding)
    except RowRefused as refusal:
        return _enter(connection, _quarantine(finding.one, "NotStorable", str(refusal)))


def _enter(connection: Connection, finding: _Finding) -> State:
    """Write one finding, if the row has not moved since."""
    one = finding.one
    if finding.source is not None:
        finding.source.store(connection, one.source_id)
    if finding.verb is None:
        return State.CONVERTED
    state = move_from(connection, State.CONVERTED, finding.verb, one.this_attempt, **finding.values)
    if finding.checks and state is MOVES[finding.verb].target:
        check_results.record(connection, one.this_attempt, map(_result, finding.checks))
    return state


def _result(check: Check) -> CheckResult:
    return CheckResult(check.name, check.expected, check.measured, check.verdict)


class _Verifier:
    def __init__(self, settings: OssSettings, final_keys: FinalKeys) -> None:
        self.reader = Reader(settings)
        self.final_keys = final_keys
        self._tasks = settings.imm()
        self.circuit = CircuitBreaker()

    def verify(self, work: SourceOutputs) -> list[_Finding]:
        """In a pool thread: verify the outputs of one source. Writes nothing to the catalogue."""
        import oss2
        import requests

        first = work.outputs[0].one
        ones = [output.one for output in work.outputs]
        if self.circuit.is_open:
            return [_Finding(one) for one in ones]
        try:
            source = measure_source(self.reader, first, work.known, work.listed, decoded=work.decoded)
        except SourceMoved as moved:
            return [_Finding(one, Verb.SUPERSEDE, {"message": str(moved)}) for one in ones]
        except UnreadableAudio as error:
            return [_quarantine(one, "Unreadable", str(error)) for one in ones]
        except (oss2.exceptions.OssError, requests.exceptions.RequestException) as error:
            return [self._request_failed(one, error) for one in ones]
        except OSError as error:
            return [self._machine_failed(one, error) for one in ones]
        except Exception as error:  # noqa: BLE001 - one odd file must not keep the others from being verified
            return [_unmeasurable(one, error) for one in ones]
        findings = [self._verify(output, source) for output in work.outputs]
        if all(finding.verb is not None for finding in findings):
            self.circuit.record_success()
        # Once for all of them.
        return [replace(findings[0], source=source), *findings[1:]]

    def _verify(self, output: Output, source: SourceMeasures) -> _Finding:
        import oss2
        import requests

        one = output.one
        try:
            measured = measure_output(self.reader, output, source)
        except UnreadableAudio as error:
            return _quarantine(one, "Unreadable", str(error))
        except oss2.exceptions.NoSuchKey:
            return self._output_missing(one)
        except (oss2.exceptions.OssError, requests.exceptions.RequestException) as error:
            return self._request_failed(one, error)
        except OSError as error:
            return self._machine_failed(one, error)
        except Exception as error:  # noqa: BLE001 - the same
            return _unmeasurable(one, error)
        source_complete = source_is_complete(source.probe)
        source_whole = source_damage_check(source.probe, source.inspection)
        checks = [source_complete, source_whole, *measured.verdict.checks]
        found: dict[str, Any] = {"output_etag": measured.etag, "output_size": measured.measures.probe.size}
        failures = [str(check) for check in checks if check.failed]
        if failures:
            code = (
                "SourceIncomplete" if source_complete.failed else "SourceDamaged" if source_whole.failed else "Mismatch"
            )
            stored = replace(measured.measures, waveform=None).to_json()
            return _quarantine(one, code, "; ".join(failures), checks, measured=stored, **found)
        measures = measured.measures
        if measured.inspection is not None:
            try:
                side = put_sidecars(self.reader, self.final_keys, one, output.policy, measured.inspection)
            except TargetOccupied as error:
                stored = replace(measures, waveform=None).to_json()
                return _quarantine(one, CODE, str(error), checks, measured=stored, **found)
            except (oss2.exceptions.OssError, requests.exceptions.RequestException) as error:
                # The output is right, and converting it again would change nothing.
                self.circuit.record_failure(error)
                return _Finding(one)
            measures = replace(measures, side=side)
        return _Finding(one, Verb.VERIFY, {"measured": measures.to_json(), **found}, checks=checks)

    def _output_missing(self, one: Conversion) -> _Finding:
        """No output: a message may have called a task done that still runs, so GetTask is asked before it is judged."""
        place = f"oss://{one.output_bucket}/{one.output_key}"
        try:
            status = self._tasks.get_task(one.bucket, one.task_id).status if one.task_id else ""
        except TaskNotFound:
            status = ""
        except Exception as error:  # noqa: BLE001 - the SDK's errors share no base; nothing is judged
            self.circuit.record_failure(error)
            return _Finding(one)
        if status == "Running":
            self.circuit.record_failure(OutputNotYet(f"{place} isn't there yet: its task {one.task_id} still runs"))
            return _Finding(one)
        return _quarantine(one, "OutputMissing", f"there is no object {place}")

    def _machine_failed(self, one: Conversion, error: Exception) -> _Finding:
        """This machine's own trouble, such as a full disk: nothing is judged, and the step fails when all were tried.

        A decoder's errors are none of these, though some are OSErrors by inheritance: see `decoder_boundary`.
        """
        log.error("oss://%s/%s as %s could not be verified: %s", one.bucket, one.key, one.profile, error)
        self.circuit.record_failure(error)
        return _Finding(one)

    def _request_failed(self, one: Conversion, error: Exception) -> _Finding:
        """The row's own failure, if it is one; anything else is the step's, and the row waits for the next try."""
        # RequestException is among them, because oss2 doesn't wrap errors of reading a response body.
        if not is_object_error(error):
            self.circuit.record_failure(error)
            return _Finding(one)
        code, reason = error.code or f"HTTP {error.status}", error.message or "no reason given"
        return _quarantine(one, code, f"OSS refuses to give the source or the output: {reason}")


def _unmeasurable(one: Conversion, error: Exception) -> _Finding:
    """An error that measuring didn't foresee: it is about these bytes, as the neighbours were measured without it."""
    log.debug("oss://%s/%s as %s", one.bucket, one.key, one.profile, exc_info=error)
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return _quarantine(one, "Unmeasurable", f"source or output could not be measured ({said})")


def _quarantine(one: Conversion, code: str, message: str, checks: Sequence[Check] = (), **found: Any) -> _Finding:
    log.warning("oss://%s/%s as %s: %s", one.bucket, one.key, one.profile, message)
    values = {"code": code, "message": message, "retry_at": next_retry(one.attempt), **found}
    return _Finding(one, Verb.QUARANTINE, values, checks=checks)
