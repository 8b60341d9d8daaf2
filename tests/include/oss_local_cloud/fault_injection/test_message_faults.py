"""Notifications lost, late, repeated, reordered and in Base64, read from the queue by the real SDK."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from mns.topic import TopicMessage

from oss_local_cloud.fault_injection.admin_client import AdminClient
from oss_local_cloud.fault_injection.durations import Exponential
from oss_local_cloud.fault_injection.rules import Base64, Instant, Late, Lost, Reordered, Repeated


@pytest.fixture
def source(clients: Any, wav: Any) -> str:
    """A source whose conversions are instant."""
    clients.put("in.wav", wav(8000))
    clients.admin.add(Instant())
    return "in.wav"


def submit_many(clients: Any, wav: Any, count: int) -> list[str]:
    """One conversion of each of `count` sources, ended in the order of their submission."""
    tasks = []
    for number in range(count):
        clients.put(f"{number}.wav", wav(8000))
        tasks.append(clients.submit(f"{number}.wav", f"{number}.mp3"))
    clients.ended(*tasks)
    return tasks


def test_a_lost_notification_never_comes_and_its_task_ends_all_the_same(clients: Any, source: str):
    clients.admin.add(Lost(times=1))
    lost, told = (clients.submit_and_wait(source, target) for target in ("1.mp3", "2.mp3"))
    assert [task.status for task in clients.ended(lost, told)] == ["Succeeded", "Succeeded"]
    assert clients.told(1) == [told]
    clients.no_more_messages()
    (fault,) = clients.admin.faults(fault="lost")
    assert (fault.task_id, fault.key) == (lost, clients.folder + source)


def test_a_repeated_notification_comes_several_times(clients: Any, source: str):
    clients.admin.add(Repeated(copies=2, times=1))
    task = clients.submit(source, "1.mp3")
    assert clients.told(3) == [task] * 3
    clients.no_more_messages()


def test_late_copies_of_a_repeated_notification_come(clients: Any, source: str):
    clients.admin.add(Repeated(copies=3, seconds=Exponential(mean=0.1), times=1))
    task = clients.submit(source, "1.mp3")
    assert clients.told(4) == [task] * 4


def test_the_queue_holds_the_body_in_base64(clients: Any, source: str):
    clients.admin.add(Base64(times=1))
    encoded, raw = (clients.submit_and_wait(source, target) for target in ("1.mp3", "2.mp3"))
    first, second = clients.raw_messages(2)
    assert json.loads(json.loads(base64.b64decode(first))["content"])["TaskId"] == encoded
    assert json.loads(json.loads(second)["content"])["TaskId"] == raw


def test_a_late_notification_is_overtaken(clients: Any, source: str):
    clients.admin.add(Late(seconds=600.0, times=1))
    late, early = (clients.submit_and_wait(source, target) for target in ("1.mp3", "2.mp3"))
    assert clients.told(1) == [early]
    clients.no_more_messages()
    assert clients.admin.state().held == 1
    clients.admin.release()
    assert clients.told(1) == [late]


def test_a_short_delay_passes_by_itself(clients: Any, source: str):
    clients.admin.add(Late(seconds=0.1))
    task = clients.submit(source, "2.mp3")
    assert clients.told(1) == [task]


def test_reordering_is_a_permutation_that_the_seed_decides(clients: Any, wav: Any):
    orders = []
    for seed in (3, 3, 4):
        clients.admin.replace([Instant(), Reordered(window=8, seconds=600.0)])
        clients.admin.set_seed(seed)
        tasks = submit_many(clients, wav, 8)
        orders.append([tasks.index(task) for task in clients.told(8)])
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(8)) != orders[0]


def test_a_window_that_does_not_fill_opens_after_its_time(clients: Any, source: str):
    clients.admin.add(Reordered(window=100, seconds=0.2))
    tasks = [clients.submit(source, f"{number}.mp3") for number in range(3)]
    assert sorted(clients.told(3)) == sorted(tasks)


def test_other_messages_are_unchanged_unless_the_rule_covers_all(clients: Any):
    topic = clients._account.get_topic(clients.cloud.topic)
    clients.admin.replace([Lost(messages="tasks")])
    topic.publish_message(TopicMessage("by a user"))
    assert clients.raw_messages(1) == ["by a user"]
    clients.admin.replace([Lost(messages="all", times=1), Base64(messages="all")])
    published = topic.publish_message(TopicMessage("never comes"))
    assert published.message_id
    topic.publish_message(TopicMessage("comes"))
    assert clients.raw_messages(1) == [base64.b64encode(b"comes").decode()]
    clients.no_more_messages()


def test_rules_choose_by_topic_and_key_prefix(clients: Any, wav: Any):
    clients.put("in.wav", wav(8000))
    clients.put("not.wav", wav(8000))
    clients.admin.replace(
        [Instant(), Lost(topic="another-topic"), Lost(topic=clients.cloud.topic, key_prefix=clients.folder + "not")]
    )
    lost, told = clients.submit("not.wav", "1.mp3"), clients.submit("in.wav", "2.mp3")
    clients.ended(lost, told)
    assert clients.told(1) == [told]
    clients.no_more_messages()


def test_held_messages_survive_a_kill(start_local_cloud: Any, clients_of: Any, wav: Any, wait_until: Any):
    cloud = start_local_cloud(admin=True)
    clients = clients_of(cloud)
    clients.put("in.wav", wav(8000))
    clients.admin.replace([Late(seconds=600.0, times=1), Reordered(window=100, seconds=600.0)])
    late = clients.submit_and_wait("in.wav", "late.mp3")
    windowed = [clients.submit("in.wav", f"{number}.mp3") for number in range(2)]
    clients.ended(*windowed)
    assert clients.admin.state().held == 3
    cloud.kill()
    cloud.start()
    after = clients_of(cloud)
    assert sorted(after.told(2)) == sorted(windowed), "a window is over when its process is"
    wait_until(lambda: AdminClient(cloud.admin).state().held == 1)
    after.admin.release()
    assert after.told(1) == [late]
