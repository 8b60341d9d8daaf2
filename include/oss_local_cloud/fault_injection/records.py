"""The records of the admin API, shared by the server and its client."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One fault that happened. Numbers grow with time.

    Attributes:
        number: counts the faults of this data directory from 1.
        at_ms: milliseconds since the epoch by the machine's clock, whatever the cloud's offset.
        rule, fault: the rule's id and what it does.
        service, operation: of the request; "" for messages and tasks.
        bucket, key: of the request, or of the task's source; "" when there is none.
        request_id: the id the service gave the request, "" for messages and tasks.
        task_id: the conversion it is about, where one was accepted, "" otherwise.
        when: before or after the work of a request, "" for messages and tasks.
        detail: further facts, such as the status of a response that was discarded.
    """

    number: int
    at_ms: int
    rule: str
    fault: str
    service: str
    operation: str
    bucket: str
    key: str
    request_id: str
    task_id: str
    when: str
    detail: str


@dataclass(frozen=True)
class AcceptedTask:
    """One conversion that the service accepted, as its table has it.

    Times are in milliseconds since the epoch by the cloud's clock. `ended_ms` is None while the task runs.
    """

    number: int
    task_id: str
    event_id: str
    request_id: str
    project: str
    bucket: str
    key: str
    process: str
    target_bucket: str
    target_key: str
    topic: str | None
    status: str
    code: str
    message: str
    started_ms: int
    ended_ms: int | None
    notified: bool


@dataclass(frozen=True)
class AcceptedConversion:
    """How often the same conversion was accepted: one source, one target, one process string."""

    bucket: str
    key: str
    target_bucket: str
    target_key: str
    process: str
    accepted: int
    running: int
    succeeded: int
    failed: int
    first_ms: int
    last_ms: int
    task_ids: list[str]


@dataclass(frozen=True)
class State:
    """The state of fault injection.

    Attributes:
        starts: how often this data directory was served with the admin API on.
        held: messages that wait to be delivered late or in another order.
    """

    seed: int
    starts: int
    clock_offset_seconds: float
    rules: int
    faults: int
    held: int
