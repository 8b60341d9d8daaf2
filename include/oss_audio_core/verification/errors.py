"""What probing raises when there is nothing to measure."""

from __future__ import annotations


class UnreadableAudio(ValueError):
    """A file that holds no audio one could measure: `name` of the file, `reason` in words."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.name} can't be read as audio: {self.reason}"
