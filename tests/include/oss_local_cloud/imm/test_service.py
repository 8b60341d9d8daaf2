"""Tasks from submit to notification, with literal process strings and real FFmpeg."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from oss_local_cloud.imm import tasks
from oss_local_cloud.imm.engine.limits import EngineLimits
from oss_local_cloud.imm.task_hooks import Convert, DefaultTaskHooks
from oss_local_cloud.interfaces import ImmClientError

# outbucket, dest.aac and AudioConvert in URL-safe Base64
SEED_SDK = (
    "audio/convert,ss_10000,t_60000,f_aac,ab_96000|sys/saveas,b_ZXhhbXBsZWJ1Y2tldA,o_ZGVzdC5hYWM/notify,"
    "topic_QXVkaW9Db252ZXJ0"
)
SEED_MP3_TO_AAC = (
    "audio/convert,ss_10000,t_60000,f_aac,ab_96000|sys/saveas,b_b3V0YnVja2V0,o_b3V0b2JqcHJlZml4LnthdXRvZXh0fQo"
    "/notify,topic_QXVkaW9Db252ZXJ0"
)
SEED_WAV_TO_OPUS = (
    "audio/convert,f_opus,ab_96000,ar_48000,ac_2|sys/saveas,b_b3V0YnVja2V0,o_b3V0b2JqLnthdXRvZXh0fQo"
    "/notify,topic_QXVkaW9Db252ZXJ0"
)
TO_DEST_MP3 = "audio/convert,f_mp3|sys/saveas,o_ZGVzdC5tcDM"  # dest.mp3
NOTIFIED = TO_DEST_MP3 + "/notify,topic_QXVkaW9Db252ZXJ0"


async def test_the_seeds_request_converts_saves_and_notifies(
    cloud: Any, make_audio: Callable[..., Path], probe_file: Callable[[Path], dict[str, Any]]
) -> None:
    cloud.put("src.mp3", make_audio("src.mp3", "-ac", "2", seconds=12.0))
    submitted = await cloud.imm.submit("examplebucket", "src.mp3", SEED_SDK)
    assert re.fullmatch(r"MediaConvert-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", submitted.task_id)
    assert re.fullmatch(r"[0-9A-F]{3}-[0-9A-Za-z]{27}", submitted.event_id)
    assert re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", submitted.request_id)
    (envelope,) = await cloud.notifications(1)
    assert envelope["source"] == "acs.imm"
    assert envelope["type"] == "imm:Task:MediaConvert"
    assert envelope["subject"] == "acs:imm:local-1:1000000000000001:local-imm/imm:Task:MediaConvert"
    assert re.fullmatch(r"[0-9]{13}", envelope["time"])
    content = json.loads(envelope["content"])
    assert content["TaskId"] == submitted.task_id
    assert (content["Status"], content["Code"], content["Message"]) == ("Succeeded", "", "")
    assert (content["TaskType"], content["ProjectName"]) == ("MediaConvert", "local-imm")
    assert content["Sources"][0]["URI"] == "oss://examplebucket/src.mp3"
    assert content["Targets"][0]["URI"] == "oss://examplebucket/dest.aac"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z", content["StartTime"])

    rendition = cloud.store.head("examplebucket", "dest.aac")
    assert rendition.content_type == "audio/aac"
    found = probe_file(rendition.path)
    assert (found["codec_name"], found["sample_rate"], found["channels"]) == ("aac", "44100", 2)
    assert rendition.size == pytest.approx(2 * 96000 / 8, rel=0.15)  # the two seconds after the tenth


@pytest.mark.parametrize(
    ("process", "key", "codec"),
    [(SEED_MP3_TO_AAC, "outobjprefix.aac\n", "aac"), (SEED_WAV_TO_OPUS, "outobj.opus\n", "opus")],
)
async def test_the_seeds_rest_examples_work_as_printed(
    cloud: Any,
    make_audio: Callable[..., Path],
    probe_file: Callable[[Path], dict[str, Any]],
    process: str,
    key: str,
    codec: str,
) -> None:
    cloud.put("example", make_audio("example.wav", "-ac", "2", seconds=12.0))
    task = await cloud.convert("example", process)
    assert (task.status, task.message) == ("Succeeded", "")
    assert probe_file(cloud.path(key, "outbucket"))["codec_name"] == codec


@pytest.mark.parametrize(
    ("process", "message"),
    [
        ("audio/convert,f_wma|sys/saveas,o_YQ", r"InvalidArgument, \[f\]:is 'wma'; allowed: mp3, aac.*"),
        ("audio/convert,f_mp3,ar_96000|sys/saveas,o_YQ", r"InvalidArgument, \[ar\]:.*"),
        ("audio/convert,f_mp3,ab_96000,aq_50|sys/saveas,o_YQ", r"InvalidArgument, \[aq\]:.*"),
        ("audio/convert,f_mp3", r"InvalidArgument, \[target\]:is required\. .*"),
        ("audio/convert,f_mp3|sys/saveas,b_b3V0YnVja2V0", r"InvalidArgument, \[saveas o\]:is missing.*"),
        ("audio/convert,f_mp3|sys/saveas,o_e25vcGV9", r"InvalidArgument, \[saveas o\]:.*\{nope\}.*"),
        ("audio/convert,f_mp3|sys/saveas,o_L2E", r"InvalidArgument, \[saveas o\]:.*"),  # /a
        ("audio/convert,f_mp3|sys/saveas,o_YQ,b_bm93aGVyZQ", r"InvalidArgument, \[saveas b\]:the bucket nowhere .*"),
        (
            "audio/convert,f_mp3|sys/saveas,o_YQ/notify,topic_bm93aGVyZQ",
            r"InvalidArgument, \[notify topic\]:the topic nowhere .*",
        ),
    ],
)  # fmt: skip
async def test_a_wrong_request_is_refused_with_the_parameter_and_what_is_allowed(
    cloud: Any, process: str, message: str
) -> None:
    cloud.put("a.wav", b"RIFF")
    with pytest.raises(ImmClientError) as caught:
        await cloud.imm.submit("examplebucket", "a.wav", process)
    assert caught.value.status == 400
    request_id = "[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}"
    assert re.fullmatch(message + " ?" + request_id, caught.value.message)


@pytest.mark.parametrize(
    ("bucket", "process", "missing"),
    [
        ("examplebucket", "image/resize,w_100|sys/saveas,o_YQ", "Route"),
        ("examplebucket", "video/convert,f_mp4|sys/saveas,o_YQ", "Route"),
        ("unbound", "audio/convert,f_mp3|sys/saveas,o_YQ", "Attachment"),
    ],
)
async def test_an_unknown_action_and_an_unbound_bucket_are_not_found(
    cloud: Any, bucket: str, process: str, missing: str
) -> None:
    cloud.put("a.wav", b"RIFF", bucket)
    with pytest.raises(ImmClientError, match=f"The specified resource {missing} is not found") as caught:
        await cloud.imm.submit(bucket, "a.wav", process)
    assert caught.value.status == 404


async def test_variables_are_expanded_by_the_service(cloud: Any, make_audio: Callable[..., Path]) -> None:
    cloud.put("in/night one.wav", make_audio("v.wav"))
    cloud.store.set_tags("examplebucket", "in/night one.wav", {"show": "news"})
    # {bucket}/{dirname}/{tags.show}/{barename}-{ext}-{index}-{{x}}: the extension is missing and appended
    template = "e2J1Y2tldH0ve2Rpcm5hbWV9L3t0YWdzLnNob3d9L3tiYXJlbmFtZX0te2V4dH0te2luZGV4fS17e3h9fQ"
    await cloud.convert("in/night one.wav", f"audio/convert,f_flac|sys/saveas,o_{template}")
    cloud.store.head("examplebucket", "examplebucket/in/news/night one-wav-1-{x}.flac")
    # {year}{mon}{day}/{t_year}{t_mon}{t_day}.{autoext}
    dated = "e3llYXJ9e21vbn17ZGF5fS97dF95ZWFyfXt0X21vbn17dF9kYXl9LnthdXRvZXh0fQ"
    task = await cloud.convert("in/night one.wav", f"audio/convert,f_flac|sys/saveas,o_{dated}")
    assert re.fullmatch(r"\d{8}/\d{8}\.flac", task.target_key)


@pytest.mark.parametrize(
    ("name", "content", "code", "message"),
    [
        ("empty.mp3", b"", "InvalidMedia", "the source is empty"),
        ("text.mp3", b"This is a text file that somebody named .mp3\n" * 50, "InvalidMedia", "is not audio"),
        ("nul.wav", bytes(50000), "InvalidMedia", "is not audio"),
        (
            "playlist.mp3",
            b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
            "InvalidMedia",
            "is not audio",
        ),
        ("list.mp3", b"ffconcat version 1.0\nfile '/etc/passwd'\n", "InvalidMedia", "is not audio"),
    ],
)
async def test_a_source_without_audio_is_a_failed_task_with_a_reason(
    cloud: Any, make_audio: Callable[..., Path], name: str, content: bytes, code: str, message: str
) -> None:
    cloud.put(name, content)
    task = await cloud.convert(name, NOTIFIED)
    assert (task.status, task.code) == ("Failed", code)
    assert message in task.message
    assert "\n" not in task.message
    assert str(cloud.data) not in task.message
    (envelope,) = await cloud.notifications(1)
    told = json.loads(envelope["content"])
    assert (told["Status"], told["Code"], told["Message"]) == ("Failed", task.code, task.message)
    assert "Targets" not in told
    with pytest.raises(LookupError):
        cloud.store.head("examplebucket", "dest.mp3")
    cloud.put("good.wav", make_audio("good.wav"))
    assert (await cloud.convert("good.wav", TO_DEST_MP3)).status == "Succeeded"


async def test_an_overwritten_source_is_read_as_it_is_when_the_task_runs(
    cloud: Any, make_audio: Callable[..., Path]
) -> None:
    cloud.put("a.wav", make_audio("first.wav", seconds=1.0))
    slow = [await cloud.imm.submit("examplebucket", "a.wav", TO_DEST_MP3) for _ in range(4)]
    cloud.store.delete("examplebucket", ["a.wav"])
    ended = [await cloud.ended(one.task_id) for one in slow]
    assert {task.status for task in ended} <= {"Succeeded", "Failed"}
    assert ended[-1].code == "ResourceNotFound"
    assert "a.wav" in ended[-1].message


async def test_accepted_tasks_are_finished_once_after_a_restart_in_their_order(
    cloud: Any, make_audio: Callable[..., Path]
) -> None:
    cloud.put("a.wav", make_audio("a.wav", seconds=1.0))
    submitted = []
    for number in range(6):
        target = ["ci0w", "ci0x", "ci0y", "ci0z", "ci00", "ci01"][number]  # r-0 … r-5
        process = f"audio/convert,f_mp3|sys/saveas,o_{target}/notify,topic_QXVkaW9Db252ZXJ0"
        submitted.append(await cloud.imm.submit("examplebucket", "a.wav", process))
    await cloud.stop()
    await cloud.start()
    for one in submitted:
        assert (await cloud.ended(one.task_id)).status == "Succeeded"
    told: set[str] = set()
    while len(told) < 6:  # at least once: what was told at the end of the first life may be told again
        told |= {json.loads(envelope["content"])["TaskId"] for envelope in await cloud.notifications(1)}
    assert told == {one.task_id for one in submitted}
    for number in range(6):
        cloud.store.head("examplebucket", f"r-{number}.mp3")
    assert list(cloud.store.scratch().iterdir()) == []


async def test_two_tries_of_one_task_write_apart(
    cloud: Any, make_audio: Callable[..., Path], probe_file: Callable[[Path], dict[str, Any]]
) -> None:
    class TwiceAtOnce(DefaultTaskHooks):
        """As after a kill, when the FFmpeg of before still runs."""

        async def convert(self, task: tasks.Task, convert: Convert) -> None:
            await asyncio.gather(convert(), convert())

    await cloud.stop()
    cloud.task_hooks = TwiceAtOnce()
    await cloud.start()
    cloud.put("src.wav", make_audio("src.wav"))
    ended = await cloud.convert("src.wav", TO_DEST_MP3)
    assert (ended.status, ended.message) == (tasks.SUCCEEDED, "")
    assert probe_file(cloud.path("dest.mp3"))["codec_name"] == "mp3"
    assert list(cloud.store.scratch().iterdir()) == []


async def test_a_notification_that_was_cut_off_is_published_by_the_next_start(
    cloud: Any, make_audio: Callable[..., Path]
) -> None:
    cloud.put("a.wav", make_audio("a.wav", seconds=1.0))
    cloud.publish_fails = True
    submitted = await cloud.imm.submit("examplebucket", "a.wav", NOTIFIED)
    assert (await cloud.ended(submitted.task_id)).status == "Succeeded"
    assert await cloud.smq.receive("done", 1, 0) == []
    await cloud.stop()
    cloud.publish_fails = False
    await cloud.start()
    (envelope,) = await cloud.notifications(1)
    assert json.loads(envelope["content"])["TaskId"] == submitted.task_id
    await cloud.stop()
    await cloud.start()
    assert await cloud.smq.receive("done", 1, 0) == []


async def test_a_topic_deleted_meanwhile_does_not_keep_the_task_from_its_end(
    cloud: Any, make_audio: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    cloud.put("a.wav", make_audio("a.wav", seconds=1.0))
    submitted = await cloud.imm.submit("examplebucket", "a.wav", NOTIFIED)
    await cloud.smq.run(lambda db: db.execute("DELETE FROM topics"))
    assert (await cloud.ended(submitted.task_id)).status == "Succeeded"
    async with asyncio.timeout(10):  # the row is ended before anybody is told
        while "TopicNotExist" not in caplog.text:  # noqa: ASYNC110 - a log sets no event
            await asyncio.sleep(0.01)


async def test_a_runaway_is_killed_and_its_output_forgotten(
    tmp_path: Path, cloud: Any, make_audio: Callable[..., Path]
) -> None:
    await cloud.stop()
    cloud.limits = EngineLimits(wall_seconds=0.3)
    await cloud.start()
    cloud.put("long.flac", make_audio("long.flac", "-ac", "2", seconds=300.0))
    task = await cloud.convert("long.flac", TO_DEST_MP3)
    assert (task.status, task.code) == ("Failed", "LimitExceeded")
    assert "took longer than" in task.message
    with pytest.raises(LookupError):
        cloud.store.head("examplebucket", "dest.mp3")
    assert list(cloud.store.scratch().iterdir()) == []


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (EngineLimits(output_bytes=20000), "its output would exceed 20000 bytes"),
        (EngineLimits(source_seconds=5), "is the most this service converts"),
        (EngineLimits(cpu_seconds=1), "used up its 1 s of CPU"),
    ],
)
async def test_output_length_and_cpu_are_limited(
    cloud: Any, make_audio: Callable[..., Path], limits: EngineLimits, reason: str
) -> None:
    await cloud.stop()
    cloud.limits = limits
    await cloud.start()
    cloud.put("long.flac", make_audio("long.flac", "-ac", "2", seconds=300.0))
    task = await cloud.convert("long.flac", TO_DEST_MP3)
    assert (task.status, task.code) == ("Failed", "LimitExceeded")
    assert reason in task.message


async def test_as_many_conversions_run_at_once_as_there_are_workers(
    cloud: Any, make_audio: Callable[..., Path]
) -> None:
    cloud.put("a.flac", make_audio("a.flac", seconds=60.0))
    submitted = [await cloud.imm.submit("examplebucket", "a.flac", TO_DEST_MP3) for _ in range(6)]
    most = 0
    while (await cloud.task(submitted[-1].task_id)).status == tasks.RUNNING:
        most = max(most, sum(_is_converting(child) for child in psutil.Process().children()))
        await asyncio.sleep(0.01)
    assert most == cloud.workers == 2


def _is_converting(process: psutil.Process) -> bool:
    try:
        return "libmp3lame" in process.cmdline()
    except psutil.Error:
        return False
