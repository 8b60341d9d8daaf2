"""`inspect`: all measurements of an audio file, in one pass over it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from av.audio.stream import AudioStream

from oss_audio_core.audio_convert.verify_policy import Picture
from oss_audio_core.verification.declared_checksum import DeclaredChecksum
from oss_audio_core.verification.declared_length import is_all_that_is_counted
from oss_audio_core.verification.decoder_boundary import decoder_boundary
from oss_audio_core.verification.decoding import STRICT, Limits, StrictDecoder
from oss_audio_core.verification.guarded_open import open_container
from oss_audio_core.verification.levels import level_window
from oss_audio_core.verification.loudness import LoudnessMeter
from oss_audio_core.verification.ogg_end import ogg_page_error
from oss_audio_core.verification.pictures import Spectrogram, waveform_png
from oss_audio_core.verification.probe import Probe, as_probe, first_audio, require_audio
from oss_audio_core.verification.sound_meters import SoundMeters
from oss_audio_core.verification.stored_fields import known_fields, stored_form
from oss_audio_core.verification.waveform import waveform_json

BLOCK_SAMPLES = 65536
"""At least so many samples per channel are measured at once: enough to make Python's part small."""

_DROPPED = 0.1
"""Seconds that a decoder must fall short of the packets' time, before an Ogg file's pages are looked through."""

_KEEPS_HEADROOM = ("pcm_f", "wavpack")
"""How FFmpeg's names of codecs begin that keep floats as they are: samples beyond full scale are not clipped there."""


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a full, strict decode of the first audio stream found.

    Attributes:
        probe: headers and packets, as `probe` gives them.
        samples: decoded samples per channel.
        sample_rate: Hz at which it decodes.
        layout: FFmpeg's name of the channels' order (`stereo`, `5.1`).
        channel_names: FFmpeg's name of each channel (`FL`, `LFE`).
        decode_error: error of demuxer or decoder, and where; nothing after it was read.
        stopped: the limit that ended decoding; None: it was not met.
        checksum_matches: whether the file's own checksum of its audio is right (flac, mp3 with LAME's header); None: it
            has none.
        integrated: EBU R128 loudness, LUFS; None: not asked for, or nothing above the gate.
        loudness_range: LU; None as `integrated`.
        true_peak: dBTP; None as `integrated`.
        peaks: dBFS of each channel; -120 stands for digital silence.
        rms: dBFS of each channel.
        clipped_runs: how often three or more samples in a row are at or beyond full scale.
        clipped_samples: samples in clipped runs.
        silence_head: seconds at the beginning in which no channel reaches -60 dBFS.
        silence_tail: the same at the end.
        levels_step: seconds of one level.
        levels: peaks over all channels, whole dBFS.
        outline: levels of bands and of channels over time, as `SoundOutline.to_json` has them; None: stored by an
            earlier version.
        bandwidth: Hz up to which there is sound; None: silence, or stored by an earlier version.
        is_cut_off: whether the sound ends there as if cut off by a lossy codec; None as `bandwidth`.
        waveform: peaks for players; None: not asked for.
        picture: a PNG; None: not asked for.
    """

    probe: Probe
    samples: int
    sample_rate: int
    layout: str
    channel_names: tuple[str, ...]
    decode_error: str | None
    stopped: str | None
    checksum_matches: bool | None
    integrated: float | None
    loudness_range: float | None
    true_peak: float | None
    peaks: tuple[float, ...]
    rms: tuple[float, ...]
    clipped_runs: int
    clipped_samples: int
    silence_head: float
    silence_tail: float
    levels_step: float
    levels: tuple[int, ...]
    outline: dict[str, Any] | None = None
    bandwidth: float | None = None
    is_cut_off: bool | None = None
    waveform: dict[str, Any] | None = None
    picture: bytes | None = None

    @property
    def duration(self) -> float:
        """Seconds of decoded audio."""
        return self.samples / self.sample_rate

    @property
    def sample_peak(self) -> float:
        """Level of the largest sample of any channel, in dBFS."""
        return max(self.peaks)

    @property
    def clipped_share(self) -> float:
        """The part of all samples that lies in clipped runs, 0 to 1."""
        return self.clipped_samples / (self.samples * len(self.peaks)) if self.samples else 0.0

    def to_json(self) -> dict[str, Any]:
        """For the catalogue; without waveform and picture, which have places of their own."""
        stored = stored_form(replace(self, waveform=None, picture=None))
        return {**stored, "probe": self.probe.to_json()}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Inspection:
        """What `to_json` gave, after a round trip through JSON."""
        lists = {name: tuple(stored[name]) for name in ("channel_names", "peaks", "rms", "levels")}
        return cls(**{**known_fields(cls, stored), **lists, "probe": Probe.from_json(stored["probe"])})


@decoder_boundary
def inspect(
    source: str | os.PathLike[str] | BinaryIO,
    name: str | None = None,
    *,
    loudness: bool = True,
    true_peak: bool = True,
    waveform: bool = True,
    picture: Picture = "off",
    limits: Limits | None = None,
    follows_changes: bool = False,
) -> Inspection:
    """Read and decode the first audio stream of a file once, strictly, and measure it on the way.

    `name` stands for the file in errors (default: its path). `picture` asks for a PNG of the waveform or a
    spectrogram. Memory does not grow with the duration. Damage is no exception but `decode_error`; `limits` end
    what is far too long. `follows_changes` takes a change of rate or channels for no damage: a source may have been
    joined.

    Errors of the file itself pass through.

    Raises:
        UnreadableAudio: there is no audio to measure, as `probe` has it.
    """
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            return inspect(
                file,
                name or os.fspath(source),
                loudness=loudness,
                true_peak=true_peak,
                waveform=waveform,
                picture=picture,
                limits=limits,
                follows_changes=follows_changes,
            )
    label = name or str(getattr(source, "name", "the file"))
    with open_container(source, label, err_detect=STRICT) as container:
        stream = first_audio(container, label)
        checksum = DeclaredChecksum(stream, source)
        decoder = StrictDecoder(
            container,
            stream,
            limits or Limits(),
            on_packet=checksum.add_packet,
            on_frame=checksum.add_frame,
            follows_changes=follows_changes,
        )
        sound: SoundMeters | None = None
        meter: LoudnessMeter | None = None
        spectrogram = Spectrogram() if picture == "spectrogram" else None
        for block in decoder.blocks(_block_samples):
            if sound is None:
                sound = _meters(decoder, stream)
                if loudness or true_peak:
                    meter = LoudnessMeter(decoder.sample_rate, decoder.layout, loudness=loudness, true_peak=true_peak)
            sound.add(block)
            if meter is not None:
                meter.add(block)
            if spectrogram is not None:
                spectrogram.add(block)
        sound = sound or _meters(decoder, stream)
        sound.finish()
        if meter is not None:
            meter.finish()
        length = decoder.length
        require_audio(length, label)
        measured = as_probe(container, stream, length, source)
        whole = is_all_that_is_counted(container, stream, decoder.samples / decoder.sample_rate)
    found = _together(measured, decoder, sound, meter, checksum.matches)
    if whole:
        found = replace(found, decode_error=None)
    elif measured.container == "ogg" and not found.decode_error and found.duration < measured.duration - _DROPPED:
        found = replace(found, decode_error=ogg_page_error(source))
    drawn = waveform_json(sound.levels, decoder.sample_rate)
    if spectrogram is not None:
        found = replace(found, picture=spectrogram.png())
    elif picture == "waveform":
        found = replace(found, picture=waveform_png(drawn))
    return replace(found, waveform=drawn) if waveform else found


def _block_samples(sample_rate: int) -> int:
    window = level_window(sample_rate)
    return -(-BLOCK_SAMPLES // window) * window


def _meters(decoder: StrictDecoder, stream: AudioStream) -> SoundMeters:
    names = decoder.channel_names or (*map(str, range(stream.codec_context.channels)),)
    context = stream.codec_context
    is_float = context.format is not None and context.format.name[:3] in {"flt", "dbl"}
    has_headroom = is_float and context.codec.canonical_name.startswith(_KEEPS_HEADROOM)
    return SoundMeters(names, decoder.sample_rate, has_headroom=has_headroom)


def _together(
    measured: Probe,
    decoder: StrictDecoder,
    sound: SoundMeters,
    meter: LoudnessMeter | None,
    checksum_matches: bool | None,
) -> Inspection:
    levels = sound.levels
    head, tail = levels.silence
    step, line = levels.line()
    return Inspection(
        probe=measured,
        samples=decoder.samples,
        sample_rate=decoder.sample_rate,
        layout=decoder.layout,
        channel_names=decoder.channel_names,
        decode_error=decoder.error,
        stopped=decoder.stopped,
        checksum_matches=checksum_matches,
        integrated=meter.integrated if meter else None,
        loudness_range=meter.range if meter else None,
        true_peak=meter.true_peak if meter else None,
        peaks=tuple(levels.peaks),
        rms=tuple(levels.rms),
        clipped_runs=levels.clipped_runs,
        clipped_samples=levels.clipped_samples,
        silence_head=head,
        silence_tail=tail,
        levels_step=step,
        levels=tuple(line),
        outline=sound.outline.outline().to_json() if levels.samples else None,
        bandwidth=sound.bandwidth.bandwidth,
        is_cut_off=sound.bandwidth.is_cut_off if levels.samples else None,
    )
