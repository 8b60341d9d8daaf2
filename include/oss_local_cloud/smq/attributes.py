"""The attributes of queues, topics and subscriptions, with the documented ranges.

From the service's pages "CreateQueue", "CreateTopic", "Subscribe" and "Limits". Times are in seconds, sizes
in bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from oss_local_cloud.smq.errors import SmqRequestError, invalid_argument

MOST_MESSAGES_IN_A_BATCH = 16
LONGEST_POLL_SECONDS = 30
MOST_QUEUES_AND_TOPICS = 1000
MOST_SUBSCRIPTIONS = 100
LARGEST_MESSAGE_BYTES = 65536
LONGEST_TAG = 16
TOPIC_RETENTION_SECONDS = 86400
DELETED_NAME_SECONDS = 10
"""How long QueueDeletedRecently is answered. The documentation has the error and no figure: a decision."""

LONGEST_NAME = 120
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_INVALID_NAME = {"Queue": "InvalidQueueName", "Topic": "TopicNameInvalid", "Subscription": "SubscriptionNameInvalid"}
_ENDPOINT = re.compile(r"acs:mns:([^:]*):([^:]*):queues/(.+)")
_BOOLEANS = {"true": True, "false": False}


def check_name(name: str, kind: str) -> str:
    """Check a name and return it.

    Args:
        name: the name.
        kind: `Queue`, `Topic` or `Subscription`.

    Raises:
        SmqRequestError: The name has a wrong length or character.
    """
    if not 1 <= len(name) <= LONGEST_NAME:
        raise SmqRequestError(
            400,
            f"{kind}NameLengthError",
            f"The length of {kind.lower()} name should between 1 and {LONGEST_NAME}.",
        )
    if _NAME.fullmatch(name) is None:
        raise SmqRequestError(
            400,
            _INVALID_NAME[kind],
            f"The {kind.lower()} name you provided is invalid. It should start with a letter or digit, "
            "and contain letters, digits, hyphens and underscores only.",
        )
    return name


def whole_number(name: str, text: str, low: int, high: int) -> int:
    """The integer in `text`.

    Raises:
        SmqRequestError: InvalidArgument, when it is no integer between `low` and `high`.
    """
    digits = text.strip()
    if not re.fullmatch(r"-?[0-9]{1,12}", digits) or not low <= int(digits) <= high:
        raise invalid_argument(f"The value of {name} should between {low} and {high}.")
    return int(digits)


def boolean(name: str, text: str) -> bool:
    """True or False, written in any case."""
    try:
        return _BOOLEANS[text.strip().lower()]
    except KeyError:
        raise invalid_argument(f"The value of {name} should be True or False.") from None


def _refuse_unknown(fields: Mapping[str, str], known: Mapping[str, object], kind: str) -> None:
    for name in fields:
        if name not in known:
            raise invalid_argument(
                f"The XML you provided did not validate against our published schema, cause by {kind} {name}."
            )


_QUEUE_RANGES = {
    "VisibilityTimeout": ("visibility_timeout", 1, 43200),
    "MaximumMessageSize": ("maximum_message_size", 1024, LARGEST_MESSAGE_BYTES),
    "MessageRetentionPeriod": ("message_retention_period", 60, 604800),
    "DelaySeconds": ("delay_seconds", 0, 604800),
    "PollingWaitSeconds": ("polling_wait_seconds", 0, LONGEST_POLL_SECONDS),
}


@dataclass(frozen=True)
class QueueAttributes:
    """A queue's settings, at the service's defaults."""

    visibility_timeout: int = 30
    maximum_message_size: int = LARGEST_MESSAGE_BYTES
    message_retention_period: int = 345600
    delay_seconds: int = 0
    polling_wait_seconds: int = 0
    logging_enabled: bool = False

    def changed(self, fields: Mapping[str, str]) -> Self:
        """With the elements of a <Queue> document laid over it; raises InvalidArgument."""
        _refuse_unknown(fields, {**_QUEUE_RANGES, "LoggingEnabled": None}, "Queue")
        found: dict[str, int | bool] = {
            attribute: whole_number(name, fields[name], low, high)
            for name, (attribute, low, high) in _QUEUE_RANGES.items()
            if name in fields
        }
        if "LoggingEnabled" in fields:
            found["logging_enabled"] = boolean("LoggingEnabled", fields["LoggingEnabled"])
        return replace(self, **found)  # type: ignore[arg-type]  # names and types come from the table above


@dataclass(frozen=True)
class TopicAttributes:
    """A topic's settings, at the service's defaults. Retention is fixed: one day."""

    maximum_message_size: int = LARGEST_MESSAGE_BYTES
    logging_enabled: bool = False

    def changed(self, fields: Mapping[str, str]) -> Self:
        """With the elements of a <Topic> document laid over it; raises InvalidArgument."""
        _refuse_unknown(fields, {"MaximumMessageSize": None, "LoggingEnabled": None}, "Topic")
        size, logging = self.maximum_message_size, self.logging_enabled
        if "MaximumMessageSize" in fields:
            size = whole_number("MaximumMessageSize", fields["MaximumMessageSize"], 1024, LARGEST_MESSAGE_BYTES)
        if "LoggingEnabled" in fields:
            logging = boolean("LoggingEnabled", fields["LoggingEnabled"])
        return replace(self, maximum_message_size=size, logging_enabled=logging)


NOTIFY_STRATEGIES = ("BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY")
CONTENT_FORMATS = ("XML", "JSON", "SIMPLIFIED")


@dataclass(frozen=True)
class SubscriptionAttributes:
    """Where a topic's messages go and in which format. `endpoint` is `acs:mns:region:uid:queues/name`."""

    endpoint: str
    notify_strategy: str = "BACKOFF_RETRY"
    notify_content_format: str = "XML"
    filter_tag: str = ""

    @property
    def queue(self) -> str:
        """The name of the queue the endpoint is."""
        return self.endpoint.rpartition("/")[2]

    @classmethod
    def parse(cls, fields: Mapping[str, str], region: str, account_id: str) -> Self:
        """Read the elements of a <Subscription> document.

        Only queues of this account and region can be subscribed: the local cloud pushes to no HTTP address
        and sends no mail.

        Raises:
            SmqRequestError: InvalidArgument or EndpointInvalid.
        """
        _refuse_unknown(
            fields,
            {"Endpoint": None, "NotifyStrategy": None, "NotifyContentFormat": None, "FilterTag": None},
            "Subscription",
        )
        endpoint = fields.get("Endpoint", "").strip()
        match = _ENDPOINT.fullmatch(endpoint)
        if match is None or (match[1], match[2]) != (region, account_id):
            raise SmqRequestError(
                400,
                "EndpointInvalid",
                f"The endpoint you provided is invalid: the local cloud pushes to queues of its own only, "
                f"acs:mns:{region}:{account_id}:queues/<queue name>; no HTTP, no mail, no SMS.",
            )
        check_name(match[3], "Queue")
        tag = fields.get("FilterTag", "")
        if len(tag) > LONGEST_TAG:
            raise invalid_argument(f"The length of FilterTag should between 1 and {LONGEST_TAG}.")
        return cls(
            endpoint,
            _one_of("NotifyStrategy", fields, NOTIFY_STRATEGIES, "BACKOFF_RETRY"),
            _one_of("NotifyContentFormat", fields, CONTENT_FORMATS, "XML"),
            tag,
        )

    def with_strategy(self, fields: Mapping[str, str]) -> Self:
        """With another NotifyStrategy, the one setting of a subscription that can change."""
        _refuse_unknown(fields, {"NotifyStrategy": None}, "Subscription")
        strategy = _one_of("NotifyStrategy", fields, NOTIFY_STRATEGIES, self.notify_strategy)
        return replace(self, notify_strategy=strategy)


def _one_of(name: str, fields: Mapping[str, str], allowed: tuple[str, ...], default: str) -> str:
    value = fields.get(name, default).strip()
    if value not in allowed:
        raise invalid_argument(f"The value of {name} should be one of {', '.join(allowed)}.")
    return value
