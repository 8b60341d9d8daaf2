"""The text of an event rule, and which writes it covers."""

from __future__ import annotations

import re

import pytest

from oss_local_cloud.events.event_rules import CREATING, EventRule, EventRuleError, check_together, parse_rule


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("bucket=audio,topic=uploads", EventRule("audio-uploads", "audio", "uploads", CREATING)),
        ("topic=t, bucket=audio, events=ObjectCreated:*", EventRule("audio-t", "audio", "t", CREATING)),
        (
            "bucket=audio,events=ObjectCreated:PutObject+CopyObject+PutObject,prefix=in/,suffix=.wav,topic=t,name=new",
            EventRule("new", "audio", "t", ("PutObject", "CopyObject"), "in/", ".wav"),
        ),
        ("bucket=audio,topic=t,prefix=a%2Cb%3B%25/中", EventRule("audio-t", "audio", "t", CREATING, "a,b;%/中")),
    ],
)
def test_a_rule_is_read(text: str, rule: EventRule) -> None:
    assert parse_rule(text) == rule


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "name=value pairs"),
        ("bucket", "'bucket'; it consists of name=value pairs"),
        ("bucket=a,bucket=b,topic=t", "'bucket=b'"),
        ("bucket=a,topic=t,colour=red", "'colour=red'"),
        ("topic=t", "has no bucket"),
        ("bucket=,topic=t", "has no bucket"),
        ("bucket=audio", "has no topic"),
        ("bucket=audio,topic=no topic", "names the topic 'no topic'"),
        ("bucket=audio,topic=t,name=-", "has the name '-'"),
        ("bucket=audio,topic=t,events=", "asks for ''"),
        ("bucket=audio,topic=t,events=ObjectRemoved:DeleteObject", "asks for 'ObjectRemoved:DeleteObject'"),
        ("bucket=audio,topic=t,events=PutObject+UploadPart", "asks for 'UploadPart'"),
    ],
)
def test_an_invalid_rule_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(EventRuleError, match=re.escape(why)):
        parse_rule(text)


def test_ten_rules_of_different_names_and_no_eleventh() -> None:
    rules = [EventRule(f"r{number}", "audio", "t") for number in range(11)]
    check_together(rules[:10])
    with pytest.raises(EventRuleError, match="11 event rules; OSS has 10"):
        check_together(rules)
    with pytest.raises(EventRuleError, match="two event rules are called 'r1'"):
        check_together([rules[1], rules[1]])


@pytest.mark.parametrize(
    ("operation", "bucket", "key", "covered"),
    [
        ("PutObject", "audio", "in/a.wav", True),
        ("CopyObject", "audio", "in/a.wav", False),
        ("PutObject", "other", "in/a.wav", False),
        ("PutObject", "audio", "out/in/a.wav", False),
        ("PutObject", "audio", "in/a.mp3", False),
        ("PutObject", "audio", "in/.wav", True),
    ],
)
def test_what_a_rule_covers(operation: str, bucket: str, key: str, covered: bool) -> None:
    rule = EventRule("r", "audio", "t", ("PutObject",), "in/", ".wav")
    assert rule.covers(operation, bucket, key) is covered


def test_prefix_and_suffix_do_not_share_characters() -> None:
    assert not EventRule("r", "audio", "t", prefix="aba", suffix="aba").covers("PutObject", "audio", "aba")
