"""Build the distribution, and install it into environments of its own: `make dist`, `make test-wheel`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.package_index import uv_environment

PROJECT_ROOT = Path(__file__).resolve().parents[1]
DISTRIBUTION = "airflow-provider-oss-audio"


def build(folder: Path) -> Path:
    """Build the source distribution, and from that the wheel.

    Args:
        folder: where both are written.

    Returns:
        The wheel.

    Raises:
        subprocess.CalledProcessError: the build failed; it has said why.
    """
    _uv("build", "--quiet", "--no-build-isolation", "--out-dir", str(folder), str(PROJECT_ROOT))
    return max(folder.glob("*.whl"), key=lambda path: path.stat().st_mtime)


class FreshEnvironment:
    """A virtual environment with nothing in it, of the Python that runs this, outside the checkout.

    Args:
        folder: made anew.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(folder))

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.program("python")

    def program(self, name: str) -> Path:
        """A console script that was installed into it."""
        return self.folder / "bin" / name

    def install(self, *requirements: str, constraints: Path | None = None) -> None:
        """Install requirements and what they need, compiled to byte code.

        Args:
            requirements: as pip takes them.
            constraints: a file of pins for what is not installed yet.

        Raises:
            subprocess.CalledProcessError: they don't fit together; uv has said why.
        """
        pins = () if constraints is None else ("--constraints", str(constraints))
        _uv("pip", "install", "--quiet", "--compile-bytecode", "--python", str(self.python), *pins, *requirements)

    def versions(self) -> dict[str, str]:
        """Installed versions by name."""
        listing = _uv("pip", "freeze", "--python", str(self.python), capture=True)
        return dict(line.split("==", 1) for line in listing.splitlines() if "==" in line)

    def run(self, *command: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs as a user's shell would: no PYTHONPATH, nothing of this checkout.

        Args:
            command: the name of a console script, and its arguments.
            cwd: working directory.
            variables: further environment variables.
        """
        words = [str(self.program(str(command[0]))), *map(str, command[1:])]
        env = {**plain_environment(self.folder), **variables}
        return subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=120)

    def size(self) -> int:
        """Bytes of the installed files, compiled modules included."""
        packages = self.folder / "lib"
        return sum(path.lstat().st_size for path in packages.rglob("*") if path.is_file() or path.is_symlink())


def plain_environment(environment: Path) -> dict[str, str]:
    """This process's variables without those that point at a checkout, another Airflow, or a local cloud."""
    foreign = ("AIRFLOW", "OSS_AUDIO_", "LOCAL_CLOUD_", "PYTHON", "VIRTUAL_ENV")
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    env["PATH"] = os.pathsep.join([str(environment / "bin"), env.get("PATH", os.defpath)])
    return env


def _uv(*arguments: str, capture: bool = False) -> str:
    """Run uv with the index that pip is configured for."""
    env = {**uv_environment(), "VIRTUAL_ENV": sys.prefix}
    command: Sequence[str] = [sys.executable, "-m", "uv", *arguments]
    done = subprocess.run(
        command, env=env, cwd=PROJECT_ROOT, check=True, text=True, stdout=subprocess.PIPE if capture else None
    )
    return done.stdout or ""


if __name__ == "__main__":
    from tools.licences.bill_of_materials import write_bill

    try:
        wheel = build(PROJECT_ROOT / "dist")
        print(wheel, write_bill(wheel), sep="\n")
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
