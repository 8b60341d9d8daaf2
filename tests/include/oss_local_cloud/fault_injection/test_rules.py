"""Rules are read strictly and written without loss."""

from __future__ import annotations

import pytest

from oss_local_cloud.fault_injection import rules
from oss_local_cloud.fault_injection.durations import Uniform
from oss_local_cloud.fault_injection.rules import AnyRule, InvalidRule, Latency, Lost, Reordered

EXAMPLES: list[AnyRule] = [
    Latency(service="oss", seconds=Uniform(high=1.0), operations=("PutObject",), when="after", rate=0.5, times=3),
    Lost(messages="all", topic="t"),
    Reordered(window=4, bucket="audio", key_prefix="in/", id="mine"),
]


def test_a_rule_is_read_as_it_was_written() -> None:
    assert [rules.parse(rules.dump(rule)) for rule in EXAMPLES] == EXAMPLES
    assert rules.parse_list(rules.dump_list(EXAMPLES)) == EXAMPLES


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ('[{"fault": "lost"}, {"fault": "lost", "x": 1}]', "1.x: unknown field"),
        ('[{"fault": "unknown"}]', "0.fault: one of latency"),
        ('[{"fault": "lost", "rate": 2}]', "0.rate"),
    ],
)
def test_every_invalid_field_of_a_list_is_named(document: str, message: str) -> None:
    with pytest.raises(InvalidRule) as refused:
        rules.parse_list(document)
    assert message in str(refused.value)


def test_an_explanation_never_repeats_a_value() -> None:
    with pytest.raises(InvalidRule) as refused:
        rules.parse('{"fault": "lost", "secret-value": "secret-value-too"}')
    assert "secret-value-too" not in str(refused.value)


def test_faults_that_are_only_counted_are_faults() -> None:
    assert set(rules.FAULTS) > rules.COUNTED_ONLY
