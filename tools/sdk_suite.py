"""`make test-sdk`: the unmodified ali-oss from npm against a local cloud, by Node's own test runner."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.cloud_process import (
    ACCESS_KEY_ID,
    ACCESS_KEY_SECRET,
    PROJECT_ROOT,
    REGION,
    CloudFailed,
    CloudProcess,
)
from tools.stack.signals import interrupted_by_signals

TESTS = PROJECT_ROOT / "tests" / "sdk"
CACHE = PROJECT_ROOT / ".sdk"
"""Where npm installs; git ignores it."""

BUCKET, TOPIC, TOKEN = "sdk-suite", "sdk-done", "tokenOfTheSuite"
OLDEST_NODE = 18


class NotReady(RuntimeError):
    """Node or a package is missing; the message names the remedy."""


def main() -> int:
    """Run the suite.

    Returns:
        The exit status: 0, 1 when a test failed or nothing could be run, 130 after an interruption.
    """
    try:
        with interrupted_by_signals():
            node, npm = _command("node"), _command("npm")
            _check_version(node)
            _install(npm)
            return _run(node)
    except (NotReady, CloudFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: everything was ended", file=sys.stderr)
        return 130


def _command(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise NotReady(f"{name} was not found. On Debian: apt-get install nodejs npm (Node {OLDEST_NODE} or later).")
    return found


def _check_version(node: str) -> None:
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < OLDEST_NODE:
        raise NotReady(f"Node is {version}; {OLDEST_NODE} or later is needed.")


def _install(npm: str) -> None:
    """Install the packages of tests/sdk/package.json, once for each version of the file."""
    wanted, stamp = (TESTS / "package.json").read_bytes(), CACHE / "installed.json"
    if stamp.exists() and stamp.read_bytes() == wanted:
        return
    CACHE.mkdir(exist_ok=True)
    (CACHE / "package.json").write_bytes(wanted)
    command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
    if subprocess.run(command, cwd=CACHE, check=False).returncode != 0:
        raise NotReady("`npm install` failed; its output is above.")
    stamp.write_bytes(wanted)


def _run(node: str) -> int:
    with tempfile.TemporaryDirectory(prefix="sdk-suite-") as folder:
        data = Path(folder) / "data"
        with CloudProcess(data, bucket=BUCKET, topic=TOPIC, queue=TOPIC + "-queue", security_token=TOKEN) as cloud:
            environment = os.environ | {
                "SDK_MODULES": str(CACHE / "node_modules"),
                "SDK_OSS": cloud.oss,
                "SDK_BUCKET": BUCKET,
                "SDK_TOPIC": TOPIC,
                "SDK_TOKEN": TOKEN,
                "SDK_REGION": REGION,
                "SDK_ACCESS_KEY_ID": ACCESS_KEY_ID,
                "SDK_ACCESS_KEY_SECRET": ACCESS_KEY_SECRET,
                # ali-oss 6.23.0 uses functions that newer Nodes deprecate; their warnings are no finding.
                "NODE_NO_WARNINGS": "1",
            }
            files = sorted(str(path) for path in TESTS.glob("*.test.mjs"))
            status = subprocess.run([node, "--test", *files], env=environment, cwd=PROJECT_ROOT, check=False).returncode
            if "Traceback" in cloud.log:
                print(f"the local cloud logged a traceback:\n{cloud.log}", file=sys.stderr)
                return 1
            return status


if __name__ == "__main__":
    sys.exit(main())
