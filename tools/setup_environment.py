"""Make the project's virtual environment: `make setup`.

Needs Python 3.11 or newer and a package index, nothing else: uv is itself installed from the locked
requirements, then installs all the others with their hashes checked, and compiles them to byte code at once
(several Airflow processes starting side by side would else each do it for themselves).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from tools.package_index import uv_environment

PROJECT_ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = PROJECT_ROOT / "requirements-dev.txt"
NO_PIP = (
    "this Python has neither `ensurepip` nor pip, so nothing can be installed with it. "
    "Use another one: make setup PYTHON=/path/to/python3.11"
)


def main(environment: Path) -> None:
    """Make or refresh the virtual environment at `environment`."""
    python = environment / "bin" / "python"
    pip = _make(environment, python)
    _say("installing uv")
    _install_uv(pip)
    env = {**uv_environment(str(python)), "VIRTUAL_ENV": str(environment), **_cache_settings()}
    uv = [str(python), "-m", "uv", "pip"]
    _say("installing the locked requirements")
    _run([*uv, "sync", "--quiet", "--require-hashes", "--compile-bytecode", str(REQUIREMENTS)], env)
    # oss2 brings crcmod, which shares a folder with crcmod-plus: what stands there must not be left to chance.
    last = ["--reinstall-package", "crcmod-plus"]
    _run([*uv, "sync", "--quiet", "--require-hashes", "--compile-bytecode", *last, str(REQUIREMENTS)], env)
    project = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(PROJECT_ROOT)]
    _run([*uv, *project], env)
    _say("checking that the CRC library runs its C extension")
    _run([str(python), "-m", "tools.checks.crc_extension"], env)


def _make(environment: Path, python: Path) -> list[str]:
    """Make the virtual environment unless one of this Python is there; returns the command of a pip that serves it."""
    present = _version(python)
    if present != sys.version_info[:2]:
        if present is not None:
            _say(f"{environment.name} has Python {present[0]}.{present[1]}: making it anew")
        _say(f"making {environment.name} with Python {sys.version.split()[0]}")
        try:
            venv.create(environment, clear=True, with_pip=True)
        except subprocess.CalledProcessError:
            # Some distributions split ensurepip off: their own pip can serve the environment from outside.
            venv.create(environment, clear=True, with_pip=False)
    if _works(python, "-m", "pip", "--version"):
        return [str(python), "-m", "pip"]
    if _works(Path(sys.executable), "-m", "pip", "--version"):
        return [sys.executable, "-m", "pip", "--python", str(python)]
    raise SystemExit(NO_PIP)


def _cache_settings() -> dict[str, str]:
    """None, or uv's setting to do without a cache where the account has no home to keep one in."""
    if "UV_CACHE_DIR" in os.environ:
        return {}
    try:
        (Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv").mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return {"UV_NO_CACHE": "1"}
    return {}


def _version(python: Path) -> tuple[int, int] | None:
    """Major and minor version of an environment's Python; None: there is none that runs."""
    command = [str(python), "-c", "import sys; print(*sys.version_info[:2])"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    numbers = done.stdout.split()
    return (int(numbers[0]), int(numbers[1])) if done.returncode == 0 and len(numbers) == 2 else None


def _works(program: Path, *arguments: str) -> bool:
    try:
        return subprocess.run([str(program), *arguments], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _install_uv(pip: list[str]) -> None:
    """Install the uv that is locked, its hash checked like any other's."""
    block: list[str] = []
    for line in REQUIREMENTS.read_text().splitlines():
        if line.startswith("uv==") or (block and line.startswith(" ")):
            block.append(line)
        elif block:
            break
    with tempfile.TemporaryDirectory() as folder:
        only_uv = Path(folder) / "uv.txt"
        only_uv.write_text("\n".join(block) + "\n")
        _run(
            [*pip, "install", "--quiet", "--no-deps", "--require-hashes", "-r", str(only_uv)],
            dict(os.environ),
        )


def _run(command: list[str], env: dict[str, str]) -> None:
    env = {name: value for name, value in env.items() if name != "PYTHONWARNINGS"}  # pip has warnings of its own
    done = subprocess.run(command, env=env, cwd=PROJECT_ROOT, check=False)
    if done.returncode != 0:
        raise SystemExit(done.returncode)


def _say(text: str) -> None:
    print(f"setup: {text}", flush=True)


if __name__ == "__main__":
    main(PROJECT_ROOT / ".venv")
