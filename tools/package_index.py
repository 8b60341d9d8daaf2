"""Pass pip's configuration of the package index on to uv, which reads none of it.

A mirror or a certificate that is set up for pip then serves uv as well. Settings made for uv itself win. Only the
standard library is used: the set-up runs this before anything is installed.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

PIP_TO_UV = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", " "),
    "timeout": ("UV_HTTP_TIMEOUT", " "),
}
"""pip's option → uv's environment variable, and what separates its values."""


def uv_environment(python: str = sys.executable, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return `environ` with pip's index settings as uv's variables."""
    listing = subprocess.run(
        [python, "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        check=False,
        env=dict(environ),
    )
    return {**translate(listing.stdout), **environ}


def translate(pip_config_list: str) -> dict[str, str]:
    """Translate the output of `pip config list` into environment variables for uv.

    Later lines win, as they do for pip. Folders that don't exist are left out: pip only warns, uv stops.
    """
    found: dict[str, list[str]] = {}
    for line in pip_config_list.splitlines():
        name, equals, value = line.partition("=")
        option = name.rpartition(".")[2]
        if equals and option in PIP_TO_UV:
            found[option] = [part for part in str(ast.literal_eval(value)).split() if _usable(part)]
    settings = {PIP_TO_UV[option][0]: PIP_TO_UV[option][1].join(parts) for option, parts in found.items() if parts}
    # pip takes the best version of all its indexes; hashes make that safe here.
    return {**settings, "UV_INDEX_STRATEGY": "unsafe-best-match"} if settings else {}


def _usable(value: str) -> bool:
    if value.startswith("file:"):
        return Path(unquote(urlsplit(value).path)).exists()
    return not value.startswith("/") or Path(value).exists()
