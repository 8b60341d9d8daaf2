"""The rules of fault injection: one model per fault. Unknown fields and values are refused, naming the field.

A rule says what it applies to, how often (`rate`, `times`), and what happens then. docs/local-cloud-fault-injection.md
has the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from oss_local_cloud.fault_injection.durations import Seconds

Service = Literal["oss", "smq", "imm"]
When = Literal["before", "after"]

_Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._-]+$")]
_Text = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[^\x00-\x1f]+$")]


class InvalidRule(ValueError):
    """An invalid rule; the message names each field and what is wrong with it."""


class _Rule(BaseModel):
    """What all rules have.

    Attributes:
        id: names the rule; `r1`, `r2` … when it is not given. The random draws depend on it.
        rate: the part of the matching occasions the fault happens to, 0 to 1.
        times: it happens so many times at most; None for ever.
        bucket: only in this bucket (of the source, for tasks and their messages).
        key_prefix: only for keys that begin so; see the documentation for what the key is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: _Name | None = None
    rate: Annotated[float, Field(ge=0, le=1)] = 1.0
    times: Annotated[int, Field(ge=1)] | None = None
    bucket: str | None = None
    key_prefix: str = ""


class _RequestRule(_Rule):
    """About HTTP requests to a service.

    Attributes:
        service: oss, smq or imm.
        operations: names of operations of that service; none for all of them.
        when: `before` the work is done (it is not done at all if the fault answers instead), or `after` it was done.
    """

    service: Service
    operations: tuple[str, ...] = ()
    when: When = "before"


class Latency(_RequestRule):
    """The answer takes longer."""

    fault: Literal["latency"] = "latency"
    seconds: Seconds


class Error(_RequestRule):
    """The service answers with an error in its own shape. 500, 503 and 403 have a code of their own."""

    fault: Literal["error"] = "error"
    status: Annotated[int, Field(ge=400, le=599)]
    code: _Text | None = None
    message: _Text = "This error was asked for."


class Reset(_RequestRule):
    """The connection is reset (TCP RST) after the whole request was read."""

    fault: Literal["reset"] = "reset"


class Silence(_RequestRule):
    """No answer ever comes; the connection stays open until the client gives up."""

    fault: Literal["silence"] = "silence"


class _MessageRule(_Rule):
    """About messages published to a topic.

    Attributes:
        messages: `tasks` for the notifications of conversions only, `all` for whatever is published.
        topic: only of this topic.
    """

    messages: Literal["tasks", "all"] = "tasks"
    topic: str | None = None


class Lost(_MessageRule):
    """The message never reaches a queue; its publisher gets a success."""

    fault: Literal["lost"] = "lost"


class Late(_MessageRule):
    """The message reaches the queues later."""

    fault: Literal["late"] = "late"
    seconds: Seconds


class Repeated(_MessageRule):
    """The message comes `copies` more times, each after `seconds`."""

    fault: Literal["repeated"] = "repeated"
    copies: Annotated[int, Field(ge=1, le=100)] = 1
    seconds: Seconds = 0.0


class Reordered(_MessageRule):
    """Messages are gathered until there are `window` of them, or the first has waited `seconds`, then shuffled."""

    fault: Literal["reordered"] = "reordered"
    window: Annotated[int, Field(ge=2, le=1000)] = 8
    seconds: Annotated[float, Field(gt=0, le=3600)] = 5.0


class Base64(_MessageRule):
    """The body is Base64 instead of raw."""

    fault: Literal["base64"] = "base64"


class _TaskRule(_Rule):
    """About conversions that were accepted; bucket and key are those of the source."""


class Failed(_TaskRule):
    """The task fails with this code and message, without converting."""

    fault: Literal["failed"] = "failed"
    code: _Text = "InternalError"
    message: _Text = "This failure was asked for."


class Slow(_TaskRule):
    """The task is delayed before it is worked on; others overtake it."""

    fault: Literal["slow"] = "slow"
    seconds: Seconds


class Instant(_TaskRule):
    """The rendition of an equal source by equal parameters is used again instead of running FFmpeg.

    `equal` says which sources are: those of the same `content`, or, for wav files, of the same `header` and size: other
    sound of the same rate, channels and length. Sources that are no wav files are compared by content either way.
    """

    fault: Literal["instant"] = "instant"
    equal: Literal["content", "header"] = "content"


RequestRule = Latency | Error | Reset | Silence
MessageRule = Lost | Late | Repeated | Reordered | Base64
TaskRule = Failed | Slow | Instant
AnyRule = RequestRule | MessageRule | TaskRule

FAULTS: tuple[str, ...] = tuple(rule.model_fields["fault"].default for rule in get_args(AnyRule))
"""The name of every fault."""

COUNTED_ONLY = frozenset({"latency", "reordered", "base64", "instant"})
"""Faults that usually touch everything: they are counted, and not logged one by one."""

_ONE_OF = f"one of {', '.join(FAULTS)} is needed"
_REASONS = {"extra_forbidden": "unknown field", "union_tag_invalid": _ONE_OF, "union_tag_not_found": _ONE_OF}

_ONE: TypeAdapter[AnyRule] = TypeAdapter(Annotated[AnyRule, Field(discriminator="fault")])
_MANY: TypeAdapter[list[AnyRule]] = TypeAdapter(list[Annotated[AnyRule, Field(discriminator="fault")]])


def parse(document: bytes | str) -> AnyRule:
    """Read a rule in JSON.

    Raises:
        InvalidRule: The document is no valid rule.
    """
    try:
        return _ONE.validate_json(document)
    except ValidationError as error:
        raise InvalidRule(explain(error)) from None


def parse_list(document: bytes | str) -> list[AnyRule]:
    """Read a JSON list of rules.

    Raises:
        InvalidRule: The document is no list of valid rules.
    """
    try:
        return _MANY.validate_json(document)
    except ValidationError as error:
        raise InvalidRule(explain(error)) from None


def dump(rule: AnyRule) -> str:
    """A rule as JSON."""
    return rule.model_dump_json()


def dump_list(rules: Sequence[AnyRule]) -> str:
    """Rules as a JSON list."""
    return _MANY.dump_json(list(rules)).decode()


def explain(error: ValidationError) -> str:
    """Each field that is wrong and why, in one line; no values, so that nothing secret is repeated."""
    sentences = []
    for problem in error.errors(include_url=False, include_input=False):
        place = ".".join(str(part) for part in problem["loc"] if part not in FAULTS)
        what = _REASONS.get(problem["type"], problem["msg"])
        if problem["type"].startswith("union_tag"):
            place = f"{place}.fault" if place else "fault"
        sentences.append(f"{place}: {what}" if place else what)
    return "; ".join(sentences)
