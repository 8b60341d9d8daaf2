"""A probe by ranges: what it costs, and that it says the same as the whole file does."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from oss_audio_core.verification import RemoteProbe, UnreadableAudio, probe, probe_remote

MakeAudio = Callable[..., Path]

MOST_REQUESTS = 2
MOST_BYTES = 256 * 1024

FILES = {
    "a.mp3": ("-c:a", "libmp3lame", "-b:a", "128k"),
    "vbr.mp3": ("-c:a", "libmp3lame", "-q:a", "2"),
    "a.aac": ("-c:a", "aac"),
    "a.flac": ("-c:a", "flac"),
    "24.flac": ("-c:a", "flac", "-sample_fmt", "s32"),
    "a.oga": ("-c:a", "libvorbis", "-f", "oga"),
    "a.ac3": ("-c:a", "ac3"),
    "441.ac3": ("-c:a", "ac3", "-ar", "44100"),
    "a.opus": ("-c:a", "libopus", "-ar", "48000"),
    "nb.amr": ("-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1"),
    "wb.amr": ("-c:a", "libvo_amrwbenc", "-ar", "16000", "-ac", "1"),
}
ESTIMATES = {"a.aac", "nb.amr", "wb.amr"}
COUNTED = {"a.mp3", "vbr.mp3"}


class Stored:
    """An object that counts what is read of it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.requests: list[tuple[int, int]] = []

    def read(self, start: int, length: int) -> tuple[bytes, int]:
        part = self.data[start : start + length]
        self.requests.append((start, len(part)))
        return part, len(self.data)

    def probe(self, size: int | None = None) -> RemoteProbe:
        found = probe_remote(self.read, "oss://music/it", size)
        assert found.requests == len(self.requests) <= MOST_REQUESTS
        assert found.bytes_read == sum(size for _, size in self.requests) <= MOST_BYTES
        return found


@pytest.mark.parametrize("name", FILES)
def test_a_long_file_is_probed_as_it_is(name: str, make_audio: MakeAudio) -> None:
    path = make_audio(name, *FILES[name], seconds=31.7, rate=48000)
    whole = probe(path)
    found = Stored(path.read_bytes()).probe()
    assert (found.requests, found.ends_by_count) == ((1, True) if name in COUNTED else (2, False))
    assert found.whole_tail is True
    remote = found.probe
    for field in ("container", "codec", "sample_rate", "channels", "bits_per_sample", "opus_input_rate", "size"):
        assert getattr(remote, field) == getattr(whole, field)
    assert remote.duration_is_estimate is (name in ESTIMATES)
    close = 1.5 if name in ESTIMATES else 0.004
    assert remote.duration == pytest.approx(whole.duration, abs=close)


@pytest.mark.parametrize("name", FILES)
def test_a_short_file_is_read_whole_by_one_request(name: str, make_audio: MakeAudio) -> None:
    path = make_audio(name, *FILES[name], seconds=0.3, rate=48000, channels=1)
    found = Stored(path.read_bytes()).probe()
    assert found.probe == probe(path)
    assert (found.requests, found.whole_tail) == (1, True)


@pytest.mark.parametrize("name", FILES)
def test_what_is_known_to_be_small_is_read_whole_by_one_request(name: str, make_audio: MakeAudio) -> None:
    path = make_audio(name, *FILES[name], seconds=4, rate=48000, channels=1)
    data = path.read_bytes()
    found = Stored(data).probe(len(data))
    assert (found.requests, found.bytes_read, found.whole_tail) == (1, len(data), True)
    assert not found.probe.duration_is_estimate
    assert found.probe.duration == pytest.approx(probe(path).duration, abs=0.004)
    cut = Stored(data[:-7]).probe(len(data) - 7)
    assert (cut.requests, cut.whole_tail) == (1, False)


def test_what_has_grown_since_its_size_was_looked_up_is_probed_as_it_is(make_audio: MakeAudio) -> None:
    data = make_audio("a.opus", *FILES["a.opus"], seconds=4, rate=48000).read_bytes()
    assert Stored(data).probe(10).whole_tail is True
    assert Stored(data).probe(0).whole_tail is True


@pytest.mark.parametrize("change", [-1, -400, 1, 400])
def test_an_mp3_that_has_other_bytes_than_its_header_counts_is_looked_at_to_its_end(
    change: int, make_audio: MakeAudio
) -> None:
    data = make_audio("a.mp3", *FILES["a.mp3"], seconds=31.7, rate=48000).read_bytes()
    changed = data[:change] if change < 0 else data + b"\0" * change
    found = Stored(changed).probe()
    assert (found.requests, found.ends_by_count) == (2, False)
    assert found.whole_tail is not True


def test_an_mp3_whose_header_is_damaged_is_looked_at_to_its_end(make_audio: MakeAudio) -> None:
    data = bytearray(make_audio("a.mp3", *FILES["a.mp3"], seconds=31.7, rate=48000).read_bytes())
    delay = data.index(b"Lavc") + 21
    data[delay] ^= 1
    assert Stored(bytes(data)).probe().requests == 2


@pytest.mark.parametrize("missing", [1, 7])
# Without Vorbis: all of so short a file is one page, and a cut one is unreadable.
@pytest.mark.parametrize("name", [name for name in FILES if name != "a.oga"])
def test_a_short_file_that_is_cut_in_its_last_frame_has_no_whole_tail(
    name: str, missing: int, make_audio: MakeAudio
) -> None:
    whole = make_audio(name, *FILES[name], seconds=1, rate=48000, channels=1).read_bytes()
    cut = Stored(whole[:-missing]).probe()
    assert cut.whole_tail is False


@pytest.mark.parametrize("name", FILES)
def test_every_cut_is_seen_at_the_end_or_in_the_duration(name: str, make_audio: MakeAudio) -> None:
    data = make_audio(name, *FILES[name], seconds=31.7, rate=48000).read_bytes()
    whole = Stored(data).probe()
    places = random.Random(name)
    for size in [places.randrange(40_000, len(data)) for _ in range(20)]:
        found = Stored(data[:size]).probe()
        shorter = found.probe.duration < whole.probe.duration - 0.02
        assert found.whole_tail is False or shorter, size


def test_an_mp3_without_a_count_of_its_frames_is_no_measure(make_audio: MakeAudio) -> None:
    path = make_audio("plain.mp3", "-c:a", "libmp3lame", "-write_xing", "0", seconds=31.7, rate=48000)
    found = Stored(path.read_bytes()).probe()
    assert found.whole_tail is True
    assert found.probe.duration_is_estimate


def test_an_mp3_with_an_old_tag_at_its_end_ends_well(make_audio: MakeAudio) -> None:
    path = make_audio(
        "tag.mp3", "-c:a", "libmp3lame", "-write_id3v1", "1", "-metadata", "title=A", seconds=31.7, rate=48000
    )
    assert path.read_bytes()[-128:-125] == b"TAG"
    assert Stored(path.read_bytes()).probe().whole_tail is True


def test_another_container_says_what_it_is_and_no_more(make_audio: MakeAudio) -> None:
    path = make_audio("a.wav", seconds=31.7)
    found = Stored(path.read_bytes()).probe()
    assert (found.probe.codec, found.whole_tail) == ("pcm_s16le", None)
    assert found.probe.duration_is_estimate


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 300_000, b"A letter.\n" * 40_000, random.Random(1).randbytes(300_000)]
)
def test_what_is_no_audio_is_unreadable(content: bytes) -> None:
    with pytest.raises(UnreadableAudio, match="oss://music/it can't be read as audio"):
        Stored(content).probe()


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_probed_or_refused_and_nothing_else(name: str, make_audio: MakeAudio) -> None:
    data = make_audio(name, *FILES[name], seconds=31.7, rate=48000).read_bytes()
    places = random.Random(name)
    for _ in range(30):
        damaged = bytearray(data)
        for region in (places.randrange(300), places.randrange(len(data) - 16_000, len(data))):
            damaged[region : region + 8] = places.randbytes(8)
        try:
            found = Stored(bytes(damaged)).probe()
        except UnreadableAudio:
            continue
        assert found.probe.duration >= 0


def test_an_error_of_the_store_passes_through() -> None:
    def refuse(start: int, length: int) -> tuple[bytes, int]:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        probe_remote(refuse, "it")
