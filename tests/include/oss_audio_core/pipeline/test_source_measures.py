"""A source is read once, whatever is made of it and whenever; and it must still be what was planned."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import av
import numpy as np
import pytest
import sqlalchemy as sa

from oss_audio_core.audio_convert import AudioConvert, Profile, VerifyPolicy
from oss_audio_core.catalogue import State, schema
from oss_audio_core.verification import Inspection, Probe

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps
    from tests.include.oss_audio_core.pipeline.proxy import Proxy

Wav = Callable[..., bytes]
DECODE, PROBE = VerifyPolicy(policy="decode"), VerifyPolicy(policy="probe")


@pytest.fixture
def probed(mp3: Profile) -> Profile:
    return replace(mp3, verify=PROBE)


@pytest.fixture
def decoded() -> Profile:
    return Profile(
        name="flac", description="", convert=AudioConvert(f="flac"), target_key="out/{key}.flac", verify=DECODE
    )


def source_row(steps: Steps, key: str = "a.wav") -> Any:
    with steps.catalogue.read() as connection:
        return connection.execute(sa.select(schema.source).where(schema.source.c.key == steps.prefix + key)).one()


def to_source(proxy: Proxy, steps: Steps, key: str = "a.wav") -> list[str]:
    """Methods of the requests for a source itself."""
    path = quote(steps.prefix + key, safe="")
    return [line.split()[0] for line in proxy.requests if line.split()[1].endswith("/" + path)]


def again(steps: Steps) -> None:
    """As if another batch had converted the same: nothing but what is known of the source is left of the first one."""
    steps.change(state="converted", measured=None)


def test_a_decoded_rendition_has_its_source_decoded_and_kept(steps: Steps, wav: Wav, decoded: Profile) -> None:
    content = wav(0.5, 44100, 2)
    steps.put("a.wav", content)
    batch = steps.to_converted(profiles=[decoded])
    assert steps.verify(batch, decoded) == {"verified": 1}
    row = source_row(steps)
    kept = Inspection.from_json(row.inspection)
    assert kept.probe == Probe.from_json(row.probe)
    assert (kept.samples, kept.sample_rate, len(kept.peaks)) == (22050, 44100, 2)
    assert (row.codec, row.sample_rate, row.channels, row.duration) == ("pcm_s16le", 44100, 2, 0.5)
    head = steps.oss.bucket(steps.bucket).head_object(steps.prefix + "a.wav")
    assert row.crc64 == str(head.server_crc)


def test_several_renditions_of_one_source_fetch_it_once(steps: Steps, wav: Wav, oss_proxy: Proxy) -> None:
    steps.put("a.wav", wav())
    batch = steps.to_converted("mobile-mp3", "voice-amr-nb", "archive-flac", "web-oga")
    assert steps.verify(batch, endpoint=oss_proxy.address) == {"verified": 4}
    assert to_source(oss_proxy, steps) == ["GET"]
    # One page at most shows the sizes of all four outputs; then each is read.
    pages = sum("list-type=2" in line for line in oss_proxy.requests)
    assert pages <= 1
    assert len(oss_proxy.requests) == pages + 1 + 4


def test_a_later_batch_reads_no_source_again(
    steps: Steps, wav: Wav, oss_proxy: Proxy, decoded: Profile, probed: Profile
) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        steps.put(name, wav())
    batch = steps.to_converted(profiles=[decoded])
    assert steps.verify(batch, decoded) == {"verified": 3}
    later = steps.to_converted(profiles=[probed, decoded])
    assert steps.verify(later, probed, decoded, endpoint=oss_proxy.address) == {"verified": 3}
    for name in ("a.wav", "b.wav", "c.wav"):
        assert to_source(oss_proxy, steps, name) == []
    # A page shows that all three are what they were and how large the outputs are, or two where a bucket has so many
    # other objects that sources and outputs don't fit into one.
    assert sum("list-type=2" in line for line in oss_proxy.requests) in (1, 2)


def test_a_source_that_was_only_probed_is_read_again_when_a_rendition_is_decoded(
    steps: Steps, wav: Wav, oss_proxy: Proxy, decoded: Profile, probed: Profile
) -> None:
    steps.put("a.wav", wav())
    assert steps.verify(steps.to_converted(profiles=[probed]), probed) == {"verified": 1}
    assert (source_row(steps).codec, source_row(steps).inspection) == ("pcm_s16le", None)
    later = steps.to_converted(profiles=[decoded])
    assert steps.verify(later, decoded, endpoint=oss_proxy.address) == {"verified": 1}
    assert to_source(oss_proxy, steps) == ["GET"]
    assert source_row(steps).inspection is not None


def test_a_source_that_an_earlier_version_measured_is_read_again(
    steps: Steps, wav: Wav, oss_proxy: Proxy, decoded: Profile
) -> None:
    steps.put("a.wav", wav())
    batch = steps.to_converted(profiles=[decoded])
    assert steps.verify(batch, decoded) == {"verified": 1}
    earlier = {name: value for name, value in source_row(steps).probe.items() if name != "lengths"}
    with steps.catalogue.write() as connection:
        connection.execute(sa.update(schema.source).values(probe=earlier))
    again(steps)
    assert steps.verify(batch, decoded, endpoint=oss_proxy.address) == {"verified": 1}
    assert to_source(oss_proxy, steps) == ["GET"]
    assert source_row(steps).probe["lengths"]["timestamps"] == source_row(steps).duration


def test_tags_of_the_source_are_kept(steps: Steps, probed: Profile) -> None:
    tags = {"title": "Prélude", "artist": "Somebody", "album": "Nights", "genre": "Études"}
    steps.put("a.flac", tagged_flac(tags))
    assert steps.verify(steps.to_converted(profiles=[probed]), probed) == {"verified": 1}
    row = source_row(steps, "a.flac")
    assert (row.title, row.artist, row.album) == ("Prélude", "Somebody", "Nights")
    assert row.tags["genre"] == "Études"


def tagged_flac(tags: dict[str, str]) -> bytes:
    """A second of silence with tags."""
    target = io.BytesIO()
    with av.open(target, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=8000, layout="mono")
        container.metadata.update(tags)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), dtype=np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return target.getvalue()


@pytest.mark.parametrize("probed_before", [False, True])
def test_a_source_that_changed_after_planning_is_superseded(steps: Steps, wav: Wav, probed_before: bool) -> None:
    steps.put("a.wav", wav(0.3))
    if probed_before:
        earlier = steps.to_converted("voice-amr-nb")
        assert steps.verify(earlier) == {"verified": 1}
    batch = steps.to_converted("mobile-mp3")
    steps.put("a.wav", wav(0.4))
    assert steps.verify(batch) == {"superseded": 1}
    row = steps.rows(batch)[0]
    assert row.message == f"the source changed after it was planned (ETag {row.etag})"
    # The next night plans it anew, from what is there now.
    later = steps.to_converted("mobile-mp3")
    assert steps.verify(later) == {"verified": 1}
    assert steps.rows(later)[0].generation == 2


@pytest.mark.parametrize("probed_before", [False, True])
def test_a_source_that_was_removed_after_planning_is_superseded(steps: Steps, wav: Wav, probed_before: bool) -> None:
    steps.put("a.wav", wav())
    if probed_before:
        assert steps.verify(steps.to_converted("voice-amr-nb")) == {"verified": 1}
    batch = steps.to_converted("mobile-mp3")
    steps.oss.bucket(steps.bucket).delete_object(steps.prefix + "a.wav")
    assert steps.verify(batch) == {"superseded": 1}
    assert "was removed" in (steps.rows(batch)[0].message or "")


def write_again(steps: Steps, content: bytes) -> None:
    """Write a source in two parts: an ETag of another kind, whatever the content."""
    bucket, key = steps.oss.bucket(steps.bucket), steps.prefix + "a.wav"
    from oss2.models import PartInfo

    upload = bucket.init_multipart_upload(key).upload_id
    cut = 100 * 1024
    parts = [
        PartInfo(number, bucket.upload_part(key, upload, number, part).etag)
        for number, part in enumerate((content[:cut], content[cut:]), 1)
    ]
    bucket.complete_multipart_upload(key, upload, parts)


def test_the_same_bytes_under_another_etag_are_the_same_source(
    steps: Steps, wav: Wav, oss_proxy: Proxy, decoded: Profile
) -> None:
    content = wav(1.5, 44100, 2)
    steps.put("a.wav", content)
    batch = steps.to_converted(profiles=[decoded])
    assert steps.verify(batch, decoded) == {"verified": 1}
    again(steps)
    write_again(steps, content)
    assert steps.verify(batch, decoded, endpoint=oss_proxy.address) == {"verified": 1}
    assert to_source(oss_proxy, steps) == ["HEAD"]


def test_other_bytes_of_the_same_length_are_another_source(steps: Steps, wav: Wav, decoded: Profile) -> None:
    content = wav(1.5, 44100, 2)
    steps.put("a.wav", content)
    batch = steps.to_converted(profiles=[decoded])
    assert steps.verify(batch, decoded) == {"verified": 1}
    again(steps)
    write_again(steps, content[:-2] + b"xy")
    assert steps.verify(batch, decoded) == {"superseded": 1}


def test_a_truncated_source_has_a_code_of_its_own(steps: Steps, wav: Wav) -> None:
    whole = wav(2.0, 44100, 2)
    steps.put("whole.wav", whole)
    steps.to_converted("mobile-mp3")
    output = steps.get(steps.row().output_key).read()
    steps.prefix += "truncated/"
    steps.put("a.wav", whole[: len(whole) // 2])
    batch = steps.plan("mobile-mp3")
    # As if the service had taken it: what it made would be whole, and of half a source.
    key = f".staging/{steps.prefix}1.mp3"
    steps.oss.bucket(steps.bucket).put_object(key, output)
    steps.change(state="converted", output_bucket=steps.bucket, output_key=key)
    steps.verify(batch)
    (row,) = steps.rows(batch)
    assert (row.state, row.code) == (State.QUARANTINED, "SourceIncomplete")


def test_a_rendition_that_lost_a_channel_of_its_source_is_quarantined(steps: Steps, wav: Wav, decoded: Profile) -> None:
    stereo = wav(1.0, 44100, 2)
    steps.put("half.wav", silent_right(stereo))
    steps.put("whole.wav", stereo)
    batch = steps.to_converted(profiles=[decoded])
    half, whole = (next(one for one in steps.rows() if one.key.endswith(name)) for name in ("half.wav", "whole.wav"))
    steps.oss.bucket(steps.bucket).put_object(whole.output_key, steps.get(half.output_key).read())
    assert steps.verify(batch, decoded) == {"verified": 1, "quarantined": 1}
    (bad,) = [one for one in steps.rows() if one.state is State.QUARANTINED]
    assert bad.key == whole.key
    assert "channels_alive" in (bad.message or "")


def silent_right(stereo: bytes) -> bytes:
    """The same WAV file with nothing in its second channel."""
    with wave.open(io.BytesIO(stereo)) as sound:
        frames = bytearray(sound.readframes(sound.getnframes()))
        parameters = sound.getparams()
    for byte in (2, 3):
        frames[byte::4] = bytes(len(frames) // 4)
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setparams(parameters)
        sound.writeframes(bytes(frames))
    return target.getvalue()
