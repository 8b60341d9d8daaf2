"""`python -m oss_audio_core.catalogue`: the catalogue's command line."""

from __future__ import annotations

from oss_audio_core.catalogue.cli import app

if __name__ == "__main__":
    app(prog_name="python -m oss_audio_core.catalogue")
