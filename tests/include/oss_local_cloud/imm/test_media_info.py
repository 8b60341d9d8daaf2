"""`GET key?x-oss-process=audio/info` over sockets, as oss2 asks."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import oss2
import pytest


@pytest.fixture
def bucket(local_cloud: Any) -> Iterator[oss2.Bucket]:
    auth = oss2.AuthV4(local_cloud.access_key_id, local_cloud.access_key_secret)
    bucket = oss2.Bucket(auth, local_cloud.oss, local_cloud.bucket, region=local_cloud.region)
    yield bucket
    bucket.session.session.close()


def test_audio_info_has_the_documented_fields(bucket: oss2.Bucket, make_audio: Callable[..., Path]) -> None:
    source = make_audio("i.flac", "-ac", "2", "-metadata", "title=Nachtlied 夜", "-metadata", "album=A", seconds=2.5)
    bucket.put_object_from_file("info/日 本.flac", str(source))
    answer = bucket.get_object("info/日 本.flac", process="audio/info")
    assert answer.headers["Content-Type"] == "application/json;charset=utf-8"
    found = json.loads(answer.read())
    assert found["RequestId"]
    assert (found["FormatName"], found["FormatLongName"], found["StreamCount"]) == ("flac", "raw FLAC", 1)
    assert (found["Title"], found["Album"], found["Size"]) == ("Nachtlied 夜", "A", source.stat().st_size)
    assert found["Duration"] == pytest.approx(2.5)
    assert isinstance(found["Bitrate"], int)
    (stream,) = found["AudioStreams"]
    assert (stream["CodecName"], stream["SampleRate"], stream["Channels"]) == ("flac", 44100, 2)
    assert (stream["ChannelLayout"], stream["SampleFormat"], stream["TimeBase"]) == ("stereo", "s16", "1/44100")
    assert (stream["Index"], stream["StartTime"], stream["Duration"]) == (0, 0.0, 2.5)
    assert {"CodecLongName", "CodecTag", "CodecTagString", "CodecTimeBase"} <= set(stream)


def test_a_picture_in_a_file_is_not_described(bucket: oss2.Bucket, make_audio: Callable[..., Path]) -> None:
    bucket.put_object_from_file("info/t.opus", str(make_audio("t.opus", "-metadata", "artist=Ada")))
    found = json.loads(bucket.get_object("info/t.opus", process="audio/info").read())
    assert (found["Artist"], found["AudioStreams"][0]["CodecName"]) == ("Ada", "opus")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "InvalidMedia, the object is empty"),
        (b"This is a text\n" * 100, "InvalidMedia, the object is not audio"),
        (b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", "InvalidMedia, the object is not audio"),
    ],
)
def test_a_file_without_audio_is_refused_with_a_reason(bucket: oss2.Bucket, content: bytes, message: str) -> None:
    bucket.put_object("info/bad.mp3", content)
    with pytest.raises(oss2.exceptions.ServerError, match=message) as caught:
        bucket.get_object("info/bad.mp3", process="audio/info")
    assert (caught.value.status, caught.value.code) == (400, "Imm Client")


def test_a_bucket_without_a_project_and_an_object_that_is_not_there(bucket: oss2.Bucket, local_cloud: Any) -> None:
    unbound = oss2.Bucket(bucket.auth, local_cloud.oss, "info-unbound", region=local_cloud.region)
    unbound.create_bucket()
    unbound.put_object("a.wav", b"RIFF")
    with pytest.raises(oss2.exceptions.ServerError, match="The specified resource Attachment is not found") as caught:
        unbound.get_object("a.wav", process="audio/info")
    assert (caught.value.status, caught.value.code) == (404, "Imm Client")
    with pytest.raises(oss2.exceptions.NoSuchKey):
        bucket.get_object("info/nothing", process="audio/info")
    unbound.session.session.close()


def test_it_is_authenticated(bucket: oss2.Bucket, local_cloud: Any) -> None:
    bucket.put_object("info/a.wav", b"RIFF")
    address = f"{local_cloud.oss}/{local_cloud.bucket}/info/a.wav?x-oss-process=audio/info"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(address)
    assert caught.value.code == 403
    caught.value.close()


def test_convert_while_reading_is_refused_and_others_by_name(bucket: oss2.Bucket) -> None:
    bucket.put_object("info/a.wav", b"RIFF")
    with pytest.raises(oss2.exceptions.ServerError, match="audio/convert is asynchronous only") as caught:
        bucket.get_object("info/a.wav", process="audio/convert,f_mp3")
    assert (caught.value.status, caught.value.code) == (400, "Imm Client")
    for process, named in (("image/resize,w_100", "image/resize"), ("audio/info,x_1", "audio/info,x_1")):
        with pytest.raises(oss2.exceptions.ServerError, match=f"x-oss-process={named};") as caught:
            bucket.get_object("info/a.wav", process=process)
        assert (caught.value.status, caught.value.code) == (501, "NotImplemented")


def test_many_at_once_are_all_answered(bucket: oss2.Bucket, make_audio: Callable[..., Path]) -> None:
    bucket.put_object_from_file("info/many.mp3", str(make_audio("many.mp3")))

    def codec(_: int) -> str:
        found = json.loads(bucket.get_object("info/many.mp3", process="audio/info").read())
        return str(found["AudioStreams"][0]["CodecName"])

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(codec, range(24))) == ["mp3"] * 24
