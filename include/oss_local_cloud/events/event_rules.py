"""Event rules: which writes have an event in which topic. The syntax is that of the command line and the documentation.

From the pages "Configure event notification rules" (OSS) and "Create a rule" (SMQ): a rule has a name, events
of one bucket, a prefix and a suffix of the key, and a topic; a region has ten rules at most.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

CREATING = (
    "PutObject",
    "PostObject",
    "CopyObject",
    "AppendObject",
    "CompleteMultipartUpload",
    "PutSymlink",
)
"""Operations that have events. OSS has more (parts, downloads, removals); a rule can't ask for those."""
GROUP = "ObjectCreated"
MOST_RULES = 10

_FIELDS = ("name", "bucket", "events", "prefix", "suffix", "topic")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,84}")
_TOPIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,119}")


class EventRuleError(ValueError):
    """An invalid rule; the message says what is wrong in it and what is allowed."""


@dataclass(frozen=True)
class EventRule:
    """Events to `topic` of `operations` in `bucket` on keys with this prefix and suffix ("" for any)."""

    name: str
    bucket: str
    topic: str
    operations: tuple[str, ...] = CREATING
    prefix: str = ""
    suffix: str = ""

    def covers(self, operation: str, bucket: str, key: str) -> bool:
        """Whether this write has an event."""
        return (
            bucket == self.bucket
            and operation in self.operations
            and key.startswith(self.prefix)
            and key.endswith(self.suffix)
            and len(key) >= len(self.prefix) + len(self.suffix)
        )


def parse_rule(text: str) -> EventRule:
    """`bucket=audio,topic=uploads[,events=PutObject+CopyObject][,prefix=in/][,suffix=.wav][,name=rule]`.

    Events may carry their group, `ObjectCreated:PutObject`; `ObjectCreated:*`, the default, is all of
    CREATING. In a value, `%2C` is a comma, `%3B` a semicolon, `%25` a percent sign. The name is the
    ruleId of the event, by default `bucket-topic`.

    Raises:
        EventRuleError: The text is not a valid rule.
    """
    given: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals or name not in _FIELDS or name in given:
            raise EventRuleError(
                f"the event rule {text!r} has {part.strip()!r}; it consists of name=value pairs, separated by"
                f" commas, each of {', '.join(_FIELDS)} once at most."
            )
        given[name] = unquote(value)
    for name in ("bucket", "topic"):
        if not given.get(name):
            raise EventRuleError(f"the event rule {text!r} has no {name}; write bucket=…,topic=….")
    if not _TOPIC.fullmatch(given["topic"]):
        raise EventRuleError(f"the event rule {text!r} names the topic {given['topic']!r}, which can't be one's name.")
    name = given.get("name") or f"{given['bucket']}-{given['topic']}"[:85]
    if not _NAME.fullmatch(name):
        raise EventRuleError(
            f"the event rule {text!r} has the name {name!r}; allowed are 1 to 85 letters, digits, hyphens and"
            " underscores."
        )
    return EventRule(
        name=name,
        bucket=given["bucket"],
        topic=given["topic"],
        operations=_operations(text, given.get("events", f"{GROUP}:*")),
        prefix=given.get("prefix", ""),
        suffix=given.get("suffix", ""),
    )


def check_together(rules: Sequence[EventRule]) -> None:
    """Check that the rules can be in force together.

    Raises:
        EventRuleError: There are too many rules, or two of one name.
    """
    if len(rules) > MOST_RULES:
        raise EventRuleError(f"there are {len(rules)} event rules; OSS has {MOST_RULES} in a region at most.")
    names = [rule.name for rule in rules]
    for name in names:
        if names.count(name) > 1:
            raise EventRuleError(f"two event rules are called {name!r}; give each a name=… of its own.")


def _operations(text: str, events: str) -> tuple[str, ...]:
    found: list[str] = []
    for event in events.split("+"):
        name = event.removeprefix(f"{GROUP}:")
        if name != "*" and name not in CREATING:
            raise EventRuleError(
                f"the event rule {text!r} asks for {event!r}; the local cloud has {GROUP}: {', '.join(CREATING)},"
                f" or {GROUP}:* for all of them, joined by +."
            )
        found += CREATING if name == "*" else (name,)
    return tuple(dict.fromkeys(found))
