"""The admin API's lists of accepted conversions."""

from __future__ import annotations

import csv
import io
import urllib.request
from typing import Any

import pytest

from oss_local_cloud.fault_injection.rules import Failed, Instant, Lost


def test_conversions_accepted_more_than_once_are_listed(clients: Any, wav: Any):
    clients.admin.replace([Instant(), Lost()])
    clients.put("in.wav", wav(8000))
    once = clients.submit("in.wav", "once.mp3")
    twice = [clients.submit("in.wav", "twice.mp3") for _ in range(2)]
    other = clients.submit("in.wav", "twice.mp3", "f_mp3,ab_64000")
    clients.ended(once, *twice, other)
    own = [one for one in clients.admin.conversions() if one.key == clients.folder + "in.wav"]
    assert {(one.target_key, one.accepted, one.succeeded) for one in own} == {
        (clients.folder + "once.mp3", 1, 1),
        (clients.folder + "twice.mp3", 2, 2),
        (clients.folder + "twice.mp3", 1, 1),
    }
    excess = [one for one in clients.admin.conversions(at_least=2) if one.key == clients.folder + "in.wav"]
    assert [sorted(one.task_ids) for one in excess] == [sorted(twice)]
    assert excess[0].process.startswith("audio/convert,f_mp3|sys/saveas,")
    numbers = [task.number for task in clients.admin.tasks()]
    assert numbers == sorted(set(numbers))
    after = numbers[-3]
    assert [task.number for task in clients.admin.tasks(after=after)] == numbers[-2:]
    assert [task.number for task in clients.admin.tasks(after=after, limit=1)] == numbers[-2:-1]


@pytest.mark.parametrize("what", ["tasks", "conversions", "faults"])
def test_every_list_is_available_as_csv(clients: Any, wav: Any, what: str):
    clients.admin.add(Failed(message='a "quoted", message'))
    clients.put("in.wav", wav(8000))
    clients.ended(clients.submit("in.wav", "1.mp3"))
    with urllib.request.urlopen(f"{clients.cloud.admin}/{what}?format=csv", timeout=30) as answer:
        rows = list(csv.DictReader(io.TextIOWrapper(answer, "utf-8", newline="")))
    records = list(getattr(clients.admin, what)())
    assert len(rows) == len(records) > 0
    assert rows[-1]["key"] == records[-1].key
    assert set(rows[-1]) == set(vars(records[-1]))
