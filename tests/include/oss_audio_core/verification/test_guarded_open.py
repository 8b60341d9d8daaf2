"""Files that are no audio, or that want the prober to read something else."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oss_audio_core.verification import Probe, UnreadableAudio, probe

MakeAudio = Callable[..., Path]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"\x00" * 100_000, "no audio frame"),
        (b"This is a letter and not a song.\n" * 200, "no known audio container"),
        (b"\xff\xfb", "it ends before its header does|no known audio container|no audio frame"),
        (b"RIFF\x24\x00\x00\x00WAVE", "no known audio container|ends before"),
        (b"fLaC\x00\x00\x00\x22", "no known audio container|ends before|no audio frame"),
        (b"OggS\x00\x02" + bytes(40), "no known audio container|ends before|no audio"),
        (b"#!AMR\n", "no audio after it|ends before|no known audio container"),
        (random.Random(7).randbytes(200_000), "no audio frame|no known audio container"),
    ],
    ids=["empty", "zeros", "text", "mp3 sync", "wav head", "flac head", "ogg head", "amr head", "noise"],
)
def test_what_is_no_audio_is_unreadable_with_a_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(content)
    with pytest.raises(UnreadableAudio, match=reason) as caught:
        probe(path)
    assert str(caught.value).startswith(f"{path} can't be read as audio: ")
    with pytest.raises(UnreadableAudio) as caught:
        probe(path, name="oss://music/song.mp3")
    assert caught.value.name == "oss://music/song.mp3"


@pytest.fixture
def requests_seen() -> Iterator[tuple[str, list[str]]]:
    """The address of a web server on this machine, and the paths it was asked for."""
    seen: list[str] = []

    class Remember(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the console."""

    server = HTTPServer(("127.0.0.1", 0), Remember)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    thread.join()
    server.server_close()


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{target}'\n",
    "dash": (
        '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT10S" minBufferTime="PT1S" '
        'profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period><AdaptationSet mimeType="audio/mp4">'
        '<Representation id="a" bandwidth="128000"><BaseURL>{target}</BaseURL>'
        '<SegmentList duration="10"><SegmentURL media="{target}"/></SegmentList>'
        "</Representation></AdaptationSet></Period></MPD>\n"
    ),
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_named_mp3_reads_nothing_else(
    kind: str, tmp_path: Path, make_audio: MakeAudio, requests_seen: tuple[str, list[str]]
) -> None:
    address, seen = requests_seen
    secret = make_audio("secret.wav")
    for target in (f"{address}/secret.mp3", f"file://{secret}", str(secret)):
        playlist = tmp_path / "song.mp3"
        playlist.write_text(PLAYLISTS[kind].replace("{target}", target))
        with pytest.raises(UnreadableAudio):
            probe(playlist)
    assert seen == []


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("a.mp3", ()),
        ("a.aac", ()),
        ("a.flac", ()),
        ("a.oga", ("-c:a", "libvorbis")),
        ("a.ac3", ("-ar", "48000")),
        ("a.opus", ("-c:a", "libopus")),
        ("a.amr", ("-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1")),
        ("a.wav", ("-ar", "8000", "-ac", "1")),
        ("a.m4a", ()),
    ],
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cut=st.floats(0, 1),
    wounds=st.lists(st.tuples(st.floats(0, 0.999), st.binary(min_size=1, max_size=8)), max_size=6),
    in_header=st.booleans(),
)
def test_a_damaged_file_is_measured_or_refused_and_nothing_else(
    name: str,
    arguments: tuple[str, ...],
    cut: float,
    wounds: list[tuple[float, bytes]],
    in_header: bool,
    make_audio: MakeAudio,
) -> None:
    damaged = bytearray(make_audio(name, *arguments, seconds=0.3).read_bytes())
    reach = min(len(damaged), 256) if in_header else len(damaged)
    for where, junk in wounds:
        position = int(where * reach)
        damaged[position : position + len(junk)] = junk
    try:
        measured = probe(BytesIO(bytes(damaged[: int(len(damaged) * cut)])))
    except UnreadableAudio as error:
        measured = None
        reason = error.reason
        assert reason
    if measured is not None:
        assert isinstance(measured, Probe)
        assert measured.duration > 0
        assert measured.sample_rate > 0
        assert measured.packets > 0
