"""The circuit opens after failures in a row that the next object would meet as well."""

from __future__ import annotations

from oss_audio_core.pipeline.circuit_breaker import THRESHOLD, CircuitBreaker


def test_outages_in_a_row_open_the_circuit() -> None:
    breaker = CircuitBreaker()
    for _ in range(THRESHOLD - 1):
        breaker.record_failure(ConnectionError("refused"))
    assert not breaker.is_open
    breaker.record_failure(ConnectionError("refused"))
    assert breaker.is_open


def test_a_success_starts_the_count_again() -> None:
    breaker = CircuitBreaker()
    for _ in range(THRESHOLD - 1):
        breaker.record_failure(TimeoutError())
    breaker.record_success()
    breaker.record_failure(TimeoutError())
    assert not breaker.is_open
    assert isinstance(breaker.error, TimeoutError)


def test_errors_of_single_objects_do_not_open_the_circuit() -> None:
    breaker = CircuitBreaker()
    errors = [ValueError(number) for number in range(2 * THRESHOLD)]
    for error in errors:
        breaker.record_failure(error)
    assert not breaker.is_open
    assert breaker.error is errors[-1]
