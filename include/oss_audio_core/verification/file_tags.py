"""`file_tags`: title, artist, album and other tags of an audio file."""

from __future__ import annotations

from typing import BinaryIO

from oss_audio_core.verification.decoder_boundary import decoder_boundary
from oss_audio_core.verification.guarded_open import open_container
from oss_audio_core.verification.tag_encoding import decoded_tags

MOST_TAGS = 100
LONGEST_TAG = 2000
"""Characters: lyrics and cue sheets hide in tags, and pictures in base64; a title is shorter."""


@decoder_boundary
def file_tags(file: BinaryIO, name: str) -> dict[str, str]:
    """Read the tags of an open, seekable file, by name in lower case.

    They are those of its container and of its first audio stream, where Ogg keeps them. Too long texts are left out. A
    text in an encoding that the file doesn't name is guessed, and its bytes are kept, as `decoded_tags` has it.

    Raises:
        UnreadableAudio: the file has no audio that can be read.
    """
    with open_container(file, name) as container:
        found = {**container.metadata}
        for stream in container.streams.audio[:1]:
            found |= stream.metadata
    fitting = [(tag.lower(), text) for tag, text in found.items() if len(tag) + len(text) <= LONGEST_TAG]
    return decoded_tags(dict(fitting[:MOST_TAGS]))
