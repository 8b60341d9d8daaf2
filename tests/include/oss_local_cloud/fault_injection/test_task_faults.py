"""Tasks that fail, take their time, or are done at once; and the accounts of what was accepted."""

from __future__ import annotations

import io
from typing import Any

import av
import pytest

from oss_local_cloud.fault_injection.rules import Failed, Instant, Slow


def probed(clients: Any, name: str) -> tuple[str, int, int, float]:
    """Codec, rate in Hz, channels and seconds of an object, by decoding it."""
    content = clients.bucket.get_object(clients.folder + name).read()
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.audio[0]
        samples = sum(frame.samples for frame in container.decode(stream))
        return stream.codec_context.name, stream.rate, stream.channels, samples / stream.rate


def test_a_task_fails_with_the_code_asked_for(clients: Any, wav: Any):
    clients.put("in.wav", wav(8000))
    clients.admin.add(Failed(code="LimitExceeded", message="Too much of it.", times=1))
    failed, done = (clients.submit_and_wait("in.wav", target) for target in ("failed.mp3", "done.mp3"))
    bad, good = clients.ended(failed, done)
    assert (bad.status, bad.code, bad.message) == ("Failed", "LimitExceeded", "Too much of it.")
    assert (good.status, good.code) == ("Succeeded", "")
    assert not clients.bucket.object_exists(clients.folder + "failed.mp3")
    (fault,) = clients.admin.faults(fault="failed")
    assert (fault.task_id, fault.key, fault.detail) == (failed, clients.folder + "in.wav", "LimitExceeded")


def test_tasks_fail_by_key_prefix_and_rate(clients: Any, wav: Any):
    names = [f"{kind}/{number}.wav" for kind in ("a", "b") for number in range(12)]
    for name in names:
        clients.put(name, wav(8000))
    clients.admin.replace([Failed(key_prefix=clients.folder + "a/", rate=0.5), Instant()])
    tasks = [clients.submit(name, f"{name}.mp3") for name in names]
    ended = clients.ended(*tasks)
    assert {task.status for task in ended[12:]} == {"Succeeded"}
    assert {task.status for task in ended[:12]} == {"Succeeded", "Failed"}


def test_a_slow_task_is_overtaken(clients: Any, wav: Any):
    clients.put("slow.wav", wav(8000))
    clients.put("quick.wav", wav(8000))
    clients.admin.add(Slow(seconds=80_000.0, key_prefix=clients.folder + "slow"))
    slow = clients.submit("slow.wav", "1.mp3")
    quick = clients.submit_and_wait("quick.wav", "2.mp3")
    assert {task.task_id: task.status for task in clients.admin.tasks() if task.key.startswith(clients.folder)} == {
        slow: "Running",
        quick: "Succeeded",
    }
    assert clients.told(1) == [quick]


def test_a_slow_task_takes_its_seconds_and_ends(clients: Any, wav: Any):
    clients.put("in.wav", wav(8000))
    clients.admin.add(Slow(seconds=0.5))
    (task,) = clients.ended(clients.submit("in.wav", "1.mp3"))
    assert task.status == "Succeeded"
    assert task.ended_ms - task.started_ms >= 490, "both times are cut to milliseconds"


@pytest.mark.parametrize(
    ("parameters", "codec", "rate", "channels"),
    [
        ("f_mp3", "mp3float", 16_000, 1),
        ("f_flac,ar_44100,ac_2", "flac", 44_100, 2),
        ("f_opus,ar_48000", "opus", 48_000, 1),
        ("f_amr,ar_16000", "amrwb", 16_000, 1),
    ],
)
def test_an_instant_conversion_is_what_ffmpeg_made_of_an_equal_source(
    clients: Any, wav: Any, parameters: str, codec: str, rate: int, channels: int
):
    clients.admin.add(Instant())
    for number in range(3):
        clients.put(f"{number}.wav", wav(8000))
    tasks = [clients.submit(f"{number}.wav", f"{number}.out", parameters) for number in range(3)]
    assert [task.status for task in clients.ended(*tasks)] == ["Succeeded"] * 3
    probes = {probed(clients, f"{number}.out") for number in range(3)}
    ((found, at, wide, seconds),) = probes
    assert (found, at, wide) == (codec, rate, channels)
    assert seconds == pytest.approx(0.5, abs=0.15)
    heads = [clients.bucket.head_object(clients.folder + f"{number}.out") for number in range(3)]
    assert len({(head.etag, head.content_type) for head in heads}) == 1


def test_other_sources_and_parameters_have_renditions_of_their_own(clients: Any, wav: Any):
    clients.admin.add(Instant())
    clients.put("short.wav", wav(8000))
    clients.put("long.wav", wav(16000))
    asked = [("short.wav", "f_flac"), ("long.wav", "f_flac"), ("short.wav", "f_flac,ar_8000"), ("short.wav", "f_mp3")]
    clients.ended(*(clients.submit(source, f"{n}.x", parameters) for n, (source, parameters) in enumerate(asked)))
    assert [probed(clients, f"{n}.x")[:2] for n in range(4)] == [
        ("flac", 16_000),
        ("flac", 16_000),
        ("flac", 8_000),
        ("mp3float", 16_000),
    ]
    assert [probed(clients, f"{n}.x")[3] for n in range(3)] == [0.5, 1.0, 0.5]


def test_wav_files_that_differ_in_sound_only_share_a_rendition_if_that_is_asked_for(clients: Any, wav: Any):
    clients.admin.add(Instant(equal="header"))
    loud = wav(8000)[:-16_000] + b"\x00\x40" * 8000
    sources = {"silent.wav": wav(8000), "loud.wav": loud, "longer.wav": wav(9000), "text.wav": b"no audio"}
    for name, content in sources.items():
        clients.put(name, content)
    silent, *others = sources  # whichever is converted first is what the others of its header get
    ended = clients.ended(clients.submit(silent, f"{silent}.flac", "f_flac"))
    ended += clients.ended(*(clients.submit(name, f"{name}.flac", "f_flac") for name in others))
    assert [task.status for task in ended] == ["Succeeded"] * 3 + ["Failed"]
    etags = [clients.bucket.head_object(f"{clients.folder}{name}.flac").etag for name in list(sources)[:3]]
    assert etags[0] == etags[1] != etags[2]
    assert [probed(clients, f"{name}.flac")[3] for name in list(sources)[:3]] == [0.5, 0.5, 9 / 16]
    clients.admin.replace([Instant()])
    clients.ended(clients.submit("loud.wav", "loud itself.flac", "f_flac"))
    assert clients.bucket.head_object(clients.folder + "loud itself.flac").etag not in etags


def test_a_source_that_cannot_be_converted_fails_instantly_too(clients: Any):
    clients.admin.add(Instant())
    clients.put("1.wav", b"no audio at all")
    clients.put("2.wav", b"no audio at all")
    ended = clients.ended(clients.submit("1.wav", "1.mp3"), clients.submit("2.wav", "2.mp3"))
    assert [(task.status, task.code) for task in ended] == [("Failed", "InvalidMedia")] * 2
    assert ended[0].message == ended[1].message


def test_renditions_are_kept_over_a_kill(start_local_cloud: Any, clients_of: Any, wav: Any):
    cloud = start_local_cloud(admin=True)
    clients = clients_of(cloud)
    clients.admin.add(Instant())
    clients.put("in.wav", wav(8000))
    clients.ended(clients.submit("in.wav", "before.mp3"))
    cloud.kill()
    cloud.start()
    clients = clients_of(cloud)
    kept = list((cloud.data / "fault_injection" / "renditions").iterdir())
    clients.put("in.wav", wav(8000))
    clients.ended(clients.submit("in.wav", "after.mp3"))
    assert probed(clients, "after.mp3")[:3] == ("mp3float", 16_000, 1)
    assert [path.read_bytes() for path in kept] == [clients.bucket.get_object(clients.folder + "after.mp3").read()]
    (rule,) = clients.admin.rules()
    assert (rule.rule, rule.fired) == (Instant(id="r1"), 1)
