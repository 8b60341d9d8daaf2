"""Sources that are cut off, damaged or hostile, and healthy ones that only look so. Real FFmpeg."""

from __future__ import annotations

import asyncio
import random
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from oss_audio_core.audio_convert import AudioConvert
from oss_local_cloud.imm.engine.binaries import SETTING, Binaries, EngineUnavailable, check, locate
from oss_local_cloud.imm.engine.failure import ConversionFailed
from oss_local_cloud.imm.engine.ffmpeg import FfmpegEngine
from oss_local_cloud.imm.engine.limits import EngineLimits
from oss_local_cloud.imm.engine.process import Allowance, run

MakeAudio = Callable[..., Path]


@pytest.fixture
def convert(binaries: Binaries, tmp_path: Path) -> Callable[..., Any]:
    engine = FfmpegEngine(binaries, EngineLimits(), tmp_path)

    async def one(source: Path, text: str = "audio/convert,f_mp3,ac_1") -> Path:
        target = tmp_path / "rendition"
        await engine.convert(AudioConvert.parse(text), source, target)
        return target

    return one


@pytest.fixture
def cut(tmp_path: Path) -> Callable[[Path, float], Path]:
    """The first part of a file."""

    def make(path: Path, part: float) -> Path:
        content = path.read_bytes()
        shorter = tmp_path / f"cut-{path.name}"
        shorter.write_bytes(content[: int(len(content) * part)])
        return shorter

    return make


@pytest.mark.parametrize("part", [0.3, 0.97])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("d.wav", ()),
        ("d.wav", ("-c:a", "adpcm_ms")),
        ("d.w64", ()),
        ("d.caf", ()),
        ("d.aiff", ()),
        ("d.au", ()),
        ("d.flac", ()),
        ("d.mp3", ()),
        ("d.mp3", ("-q:a", "4", "-metadata", "title=with an ID3 tag")),
        ("d.m4a", ("-movflags", "+faststart")),
        ("d.mka", ("-c:a", "flac")),
        ("d.wv", ()),
        ("d.tta", ()),
    ],
)
async def test_a_source_that_ends_before_the_length_it_declares_fails(
    convert: Any,
    make_audio: MakeAudio,
    cut: Callable[[Path, float], Path],
    name: str,
    options: tuple[str, ...],
    part: float,
) -> None:
    whole = make_audio(name, *options, seconds=12.0)
    await convert(whole)
    with pytest.raises(ConversionFailed, match=r"declares 12\.0 s but only [0-9.]+ s could be decoded") as caught:
        await convert(cut(whole, part))
    assert caught.value.code == "IncompleteMedia"


async def test_a_cut_that_does_not_need_the_missing_part_is_fine(
    convert: Any, make_audio: MakeAudio, cut: Callable[[Path, float], Path]
) -> None:
    source = cut(make_audio("d.flac", seconds=12.0), 0.5)
    await convert(source, "audio/convert,f_mp3,ss_1000,t_2000")
    with pytest.raises(ConversionFailed, match=r"declares 12\.0 s but only"):
        await convert(source, "audio/convert,f_mp3,ss_1000,t_9000")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("h.mp3", ("-q:a", "5", "-write_xing", "0")),
        ("h.mp3", ("-b:a", "64k", "-write_xing", "0", "-id3v2_version", "0")),
        ("h.aac", ("-b:a", "48k")),
        ("h.amr", ("-ar", "8000", "-ac", "1", "-c:a", "libopencore_amrnb", "-b:a", "4750")),
        ("h.ogg", ("-c:a", "libvorbis")),
        ("h.opus", ("-b:a", "32k")),
        ("h.ac3", ()),
        ("h.flv", ("-c:a", "aac")),
        ("h.ts", ("-c:a", "aac", "-f", "mpegts")),
        ("h.wma", ()),
        ("h.webm", ("-c:a", "libopus")),
        ("h.avi", ("-c:a", "libmp3lame")),
    ],
)
async def test_healthy_sources_without_a_trustworthy_length_pass(
    convert: Any, make_audio: MakeAudio, name: str, options: tuple[str, ...]
) -> None:
    # Half tone and half silence, so that a length guessed from the bitrate is far from the truth.
    await convert(make_audio(name, "-af", "volume=0:enable='gt(t,6)'", *options, seconds=12.0))


@pytest.mark.parametrize("data_size", [0xFFFFFFFF, 0x7FFFF000, 0])
async def test_a_wav_written_to_a_pipe_has_no_length_to_keep(
    convert: Any, make_audio: MakeAudio, tmp_path: Path, data_size: int
) -> None:
    content = bytearray(make_audio("p.wav", "-bitexact").read_bytes())
    at = content.index(b"data")
    struct.pack_into("<I", content, at + 4, data_size)
    piped = tmp_path / "piped.wav"
    piped.write_bytes(content)
    await convert(piped)


async def test_random_bytes_are_not_audio(convert: Any, tmp_path: Path) -> None:
    source = tmp_path / "random.mp3"
    for seed in range(10):
        source.write_bytes(random.Random(seed).randbytes(100_000))
        with pytest.raises(ConversionFailed):
            await convert(source)


@pytest.mark.parametrize("name", ["b.mp3", "b.flac", "b.m4a", "b.ogg", "b.wav", "b.aac"])
async def test_damage_in_the_middle_fails_or_gives_the_whole_length(
    convert: Any, make_audio: MakeAudio, decoded_seconds: Callable[[Path], float], tmp_path: Path, name: str
) -> None:
    content = bytearray(make_audio(name, seconds=12.0).read_bytes())
    middle = len(content) // 2
    content[middle : middle + len(content) // 4] = bytes(len(content) // 4)
    damaged = tmp_path / name
    damaged.write_bytes(content)
    outcome: ConversionFailed | Path
    try:
        outcome = await convert(damaged)
    except ConversionFailed as failure:
        outcome = failure
    if isinstance(outcome, ConversionFailed):
        assert outcome.code in {"InvalidMedia", "IncompleteMedia"}
    else:
        assert name in {"b.wav", "b.aac", "b.ogg"} or decoded_seconds(outcome) == pytest.approx(12.0, abs=0.2)


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A web server that notes what is asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "template",
    [
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT10S"><Period><AdaptationSet mimeType="audio/mp4"><Representation id="1" '
        'bandwidth="1"><BaseURL>{address}/a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>',
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{address}/segment.ts\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{file}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{file}'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile 'file:///etc/passwd'\n",
        "ffconcat version 1.0\nfile '/etc/passwd'\n",
        "ffconcat version 1.0\nfile '{address}/a.mp3'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    ],
)
async def test_a_manifest_named_as_audio_reads_nothing_else(
    convert: Any, make_audio: MakeAudio, listener: tuple[str, list[str]], tmp_path: Path, template: str
) -> None:
    address, asked = listener
    source = tmp_path / "hostile.mp3"
    source.write_text(template.format(address=address, file=make_audio("secret.mp3")))
    with pytest.raises(ConversionFailed) as caught:
        await convert(source)
    assert caught.value.code == "InvalidMedia"
    assert str(tmp_path) not in caught.value.message
    assert asked == []


def with_streams(binaries: Binaries, one: Path, target: Path, streams: int) -> Path:
    """A file with the same audio in several streams."""
    subprocess.run([binaries.ffmpeg, "-v", "error", "-i", one, *("-map", "0") * streams, target], check=True)
    return target


@pytest.mark.parametrize("streams", [64, 65])
async def test_a_source_has_64_streams_at_most(
    convert: Any,
    make_audio: MakeAudio,
    probe_file: Callable[[Path], dict[str, Any]],
    binaries: Binaries,
    tmp_path: Path,
    streams: int,
) -> None:
    source = with_streams(binaries, make_audio("one.wav", seconds=0.1), tmp_path / "many.mka", streams)
    if streams == 64:
        assert probe_file(await convert(source))["streams"] == 1
        return
    with pytest.raises(ConversionFailed) as caught:
        await convert(source)
    assert caught.value.code == "InvalidMedia"


async def test_eight_channels_at_96_khz_fit_into_the_memory(convert: Any, make_audio: MakeAudio) -> None:
    await convert(make_audio("big.flac", "-ac", "8", seconds=4.0, rate=96000), "audio/convert,f_opus,ar_48000")


async def test_a_conversion_that_is_cancelled_leaves_no_process(
    convert: Any, make_audio: MakeAudio, binaries: Binaries
) -> None:
    source = make_audio("long.flac", seconds=600.0)
    running = asyncio.create_task(convert(source, "audio/convert,f_opus,ar_48000"))
    async with asyncio.timeout(20):
        while not _converting(source):  # noqa: ASYNC110 - another process is watched, nothing could set an event
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not _converting(source)


def _converting(source: Path) -> bool:
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = command.read_bytes()
        except OSError:
            continue
        if arguments and str(source).encode() in arguments and b"libopus" in arguments:
            return True
    return False


def test_another_ffmpeg_can_be_set_and_is_checked(
    binaries: Binaries, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    check(locate())
    monkeypatch.setenv(SETTING, str(tmp_path / "ffmpeg"))
    with pytest.raises(EngineUnavailable, match=r"LOCAL_CLOUD_FFMPEG is .*/ffmpeg"):
        locate()
    lacking = tmp_path / "ffmpeg"
    lacking.write_text("#!/bin/sh\necho ' A....D aac  AAC'\necho ' A....D flac  FLAC'\n")
    lacking.chmod(0o755)
    (tmp_path / "ffprobe").write_text("#!/bin/sh\n")
    (tmp_path / "ffprobe").chmod(0o755)
    with pytest.raises(EngineUnavailable, match=r"lacks the encoder libmp3lame, libvorbis, ac3, libopus, .*amrnb"):
        check(locate())
    lacking.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(EngineUnavailable, match="does not run"):
        check(locate())


async def test_an_ffmpeg_on_the_path_is_never_used(
    make_audio: MakeAudio, probe_file: Callable[[Path], dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source, used = make_audio("s.wav"), tmp_path / "used"
    for name in ("ffmpeg", "ffprobe"):
        fake = tmp_path / name
        fake.write_text(f"#!/bin/sh\necho {name} >> {used}\n")
        fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(SETTING, raising=False)
    found = locate()
    check(found)
    engine = FfmpegEngine(found, EngineLimits(), tmp_path)
    await engine.convert(AudioConvert.parse("audio/convert,f_mp3"), source, tmp_path / "out")
    assert probe_file(tmp_path / "out")["codec_name"] == "mp3"
    assert not used.exists()


@pytest.mark.parametrize(
    ("name", "options", "limits", "reason"),
    [
        # Long silence in a few kilobytes: by the declared length, by what is decoded where none is declared, by size.
        ("bomb.flac", (), EngineLimits(source_seconds=60), "is the most this service converts"),
        (
            "bomb.opus",
            ("-b:a", "6k"),
            EngineLimits(source_seconds=60),
            "is longer than the 0.0 h this service converts",
        ),
        ("bomb.mp3", ("-b:a", "8k", "-write_xing", "0"), EngineLimits(source_seconds=60), "is longer than the"),
        ("bomb.opus", ("-b:a", "6k"), EngineLimits(output_bytes=100_000), "its output would exceed 100000 bytes"),
    ],
)
async def test_a_decompression_bomb_ends(
    binaries: Binaries,
    make_audio: MakeAudio,
    tmp_path: Path,
    name: str,
    options: tuple[str, ...],
    limits: EngineLimits,
    reason: str,
) -> None:
    source = make_audio(name, "-af", "volume=0", *options, seconds=120.0, rate=8000)
    engine = FfmpegEngine(binaries, limits, tmp_path)
    with pytest.raises(ConversionFailed) as caught:
        await engine.convert(AudioConvert.parse("audio/convert,f_flac,adepth_24,ac_8,aq_0"), source, tmp_path / "out")
    assert caught.value.code == "LimitExceeded"
    assert reason in caught.value.message
    assert not (tmp_path / "out").exists() or (tmp_path / "out").stat().st_size <= limits.output_bytes


@pytest.mark.parametrize("output", ["mp3", "flac", "oga", "aac"])
async def test_a_full_disk_is_not_the_sources_fault(
    binaries: Binaries, make_audio: MakeAudio, tmp_path: Path, output: str
) -> None:
    engine = FfmpegEngine(binaries, EngineLimits(), tmp_path)
    source = make_audio("long.wav", seconds=30.0)
    with pytest.raises(ConversionFailed, match="no space is left on the local cloud's disk") as caught:
        await engine.convert(AudioConvert.parse(f"audio/convert,f_{output}"), source, Path("/dev/full"))
    assert caught.value.code == "InternalError"


@pytest.mark.parametrize("program", ["ffmpeg", "ffprobe"])
async def test_a_program_whose_reason_is_lost_does_not_blame_the_source(
    binaries: Binaries, make_audio: MakeAudio, tmp_path: Path, program: str
) -> None:
    source = make_audio("a.mp3", seconds=2.0)
    if program == "ffprobe":
        source.write_bytes(b"no audio at all")
    # As on a full disk, on which its standard error can't be written either.
    mute = tmp_path / program
    mute.write_text(f'#!/bin/sh\nexec {getattr(binaries, program)} "$@" 2>/dev/full\n')
    mute.chmod(0o755)
    engine = FfmpegEngine(replace(binaries, **{program: mute}), EngineLimits(), tmp_path)
    with pytest.raises(
        ConversionFailed, match=f"(?i){program} ended with status .*is the local cloud's disk full"
    ) as caught:
        await engine.convert(AudioConvert.parse("audio/convert,f_mp3"), source, tmp_path / "no" / "such" / "folder.mp3")
    assert caught.value.code == "InternalError"


def test_no_credential_reaches_the_program(binaries: Binaries, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOCAL_CLOUD_ACCESS_KEY_SECRET", "testSK")
    finished = asyncio.run(run(["/usr/bin/env"], Allowance(5, 5, 2**30, 2**20), tmp_path))
    assert finished.returncode == 0
    assert "testSK" not in finished.stdout


def test_the_limits_are_those_of_the_process(tmp_path: Path) -> None:
    allowance = Allowance(7, 20, 2**30, 2**20)
    finished = asyncio.run(run(["/bin/sh", "-c", "sleep 0.2; cat /proc/self/limits"], allowance, tmp_path))
    limits = {line[:25].strip(): line[26:46].strip() for line in finished.stdout.splitlines()}
    assert (limits["Max cpu time"], limits["Max address space"]) == ("7", str(2**30))
    assert (limits["Max file size"], limits["Max core file size"]) == (str(2**20), "0")
