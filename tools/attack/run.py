"""A run: waves against a catalogue on SQLite and one on PostgreSQL, until the counts or the minutes are reached."""

from __future__ import annotations

import logging
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from oss_audio_core.catalogue import open_catalogue
from oss_audio_core.oss import OssSettings
from oss_audio_core.smq import SmqSettings
from oss_local_cloud.fault_injection.admin_client import AdminClient
from oss_local_cloud.fault_injection.rules import Instant
from oss_local_cloud.imm.engine.binaries import locate
from tools.attack.wave import Amount, Findings, Target, seed_files
from tools.cloud_process import ACCESS_KEY_ID, ACCESS_KEY_SECRET, REGION, CloudProcess
from tools.harness import Say
from tools.stack import postgresql

BUCKET, TOPIC, QUEUE = "attack", "attack-done", "attack-queue"

FORMATS = ("mp3", "flac", "ogg", "adts", "mp4", "w64", "aiff", "au", "caf")
"""FFmpeg's muxers of the files that are mutated besides WAV."""

WAVE = Amount(files=200, messages=50, keys=20)
"""One batch."""


@dataclass(frozen=True)
class Limits:
    """The end of a run: counts for each database, or minutes altogether (None: the counts alone decide)."""

    amount: Amount
    minutes: float | None = None


def run(folder: Path, seed: int, limits: Limits, say: Say) -> Findings:
    """Attack both databases. The same files reach both, so FFmpeg runs once for each.

    Args:
        folder: for the local cloud's data and the catalogue.
        seed: decides everything but the moments.
        limits: when it ends.
        say: prints a line of progress.
    """
    findings = Findings()
    end = None if limits.minutes is None else time.monotonic() + 60 * limits.minutes
    cloud = CloudProcess(folder / "data", bucket=BUCKET, topic=TOPIC, queue=QUEUE, admin=True)
    with cloud, _catalogues(folder) as urls, _watched_log(findings):
        with AdminClient(cloud.admin) as admin:
            admin.add(Instant(equal="content"))
        originals = seed_files(_encode, FORMATS)
        oss, smq = _settings(cloud)
        opened = {name: open_catalogue(url) for name, url in urls.items()}
        try:
            sent = Amount(0, 0, 0)
            number = 0
            while _is_left(sent, limits.amount) and (end is None or time.monotonic() < end):
                wave = _next_wave(sent, limits.amount)
                for name, catalogue in opened.items():
                    target = Target(catalogue, oss, smq, BUCKET, TOPIC, QUEUE)
                    chance = random.Random(f"{seed} {number}")
                    found = target.attack(f"{name}-{number}/", wave, originals, chance)
                    findings.counts.update({f"{what} on {name}": count for what, count in found.counts.items()})
                    findings.problems += [f"{name}: {problem}" for problem in found.problems]
                number += 1
                sent = Amount(sent.files + wave.files, sent.messages + wave.messages, sent.keys + wave.keys)
                say(f"{sent.files:,} files, {sent.messages:,} messages, {sent.keys:,} keys on each database")
        finally:
            for catalogue in opened.values():
                catalogue.close()
    if "Traceback" in cloud.log:
        findings.problems.append(f"the local cloud's log has a traceback: {cloud.log_file}")
    return findings


def _is_left(sent: Amount, wanted: Amount) -> bool:
    return sent.files < wanted.files or sent.messages < wanted.messages or sent.keys < wanted.keys


def _next_wave(sent: Amount, wanted: Amount) -> Amount:
    return Amount(
        min(WAVE.files, max(0, wanted.files - sent.files)),
        min(WAVE.messages, max(0, wanted.messages - sent.messages)),
        min(WAVE.keys, max(0, wanted.keys - sent.keys)),
    )


@contextmanager
def _catalogues(folder: Path) -> Iterator[dict[str, str]]:
    with postgresql.empty_data() as data, postgresql.serving(data) as port:
        yield {"SQLite": f"sqlite:///{folder}/catalogue.db", "PostgreSQL": postgresql.database_url(port)}


@contextmanager
def _watched_log(findings: Findings) -> Iterator[None]:
    """Every traceback that the product logs is a broken promise."""

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info or "Traceback" in record.getMessage():
                findings.problems.append(f"a traceback in the log: {record.getMessage()[:200]!a}")

    watch = Watch(logging.WARNING)
    logger = logging.getLogger("oss_audio_core")
    logger.addHandler(watch)
    propagates, logger.propagate = logger.propagate, False
    try:
        yield
    finally:
        logger.removeHandler(watch)
        logger.propagate = propagates


def _settings(cloud: CloudProcess) -> tuple[OssSettings, SmqSettings]:
    oss = OssSettings(
        endpoint=cloud.oss,
        region=REGION,
        access_key_id=ACCESS_KEY_ID,
        access_key_secret=ACCESS_KEY_SECRET,
        imm_endpoint=cloud.imm,
        connect_timeout=10,
        read_timeout=60,
    )
    return oss, SmqSettings(cloud.smq, ACCESS_KEY_ID, ACCESS_KEY_SECRET)


def _encode(content: bytes, muxer: str) -> bytes:
    options = ["-movflags", "+frag_keyframe+empty_moov"] if muxer == "mp4" else []
    command = [str(locate().ffmpeg), "-nostdin", "-v", "error", "-i", "pipe:0", *options, "-f", muxer, "pipe:1"]
    return subprocess.run(command, input=content, capture_output=True, check=True).stdout
