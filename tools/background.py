"""`make up` and `make down`: the whole product in the background, with Airflow's UI and audio to work on."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tools.demo.samples import SETTINGS, make_samples
from tools.demo.upload import oss_settings, upload_samples
from tools.stack import PROJECT_ROOT, Stack, StackError
from tools.stack.environment import ADMIN
from tools.stack.processes import ProcessGroup
from tools.stack.signals import interrupted_by_signals

UP_DIR = PROJECT_ROOT / ".stack"
DEMO_DIR = PROJECT_ROOT / ".demo"

API_PORT = 8080
CLOUD_PORTS = (9000, 9001, 9002)


def up(run_dir: Path) -> None:
    """Start the stack, upload the samples, print addresses and login, and leave it running."""
    print("starting Airflow and the local cloud …", flush=True)
    stack = Stack(
        run_dir,
        api_port=API_PORT,
        cloud_ports=CLOUD_PORTS,
        keep_metadata=True,
        extra_env=SETTINGS,
        # Before Airflow starts: last night's run begins as soon as the DAG is known, and should find sources.
        when_cloud_serves=_put_samples,
    )
    stack.start()
    names, cloud = stack.cloud_settings, stack.cloud
    print(f"Airflow    {stack.airflow.address}  user {ADMIN}, password {stack.secrets.admin_password}")
    print(f"OSS        {cloud.oss}  region {names.region}, samples in oss://{names.bucket}/{names.prefix}")
    print(f"SMQ        {cloud.smq}  topic {names.topic}, queue {names.queue}")
    print(f"IMM        {cloud.imm}")
    print(f"on disk    {run_dir.name}/: secrets.json (access key), audio_catalogue.db, reports/, logs/")
    addresses = (stack.airflow.address, cloud.oss, cloud.smq, cloud.imm)
    got = [int(address.rpartition(":")[2]) for address in addresses]
    if taken := [str(port) for port, other in zip((API_PORT, *CLOUD_PORTS), got, strict=True) if port != other]:
        print(f"           ports taken by other programs: {', '.join(taken)}; free ones were chosen")
    print("`nightly_audio_batch` starts with last night's run by itself; trigger it, or `convert_audio`, in the UI.")
    print("`make down` ends everything and keeps the data.")


def _put_samples(stack: Stack) -> None:
    names = stack.cloud_settings
    with tempfile.TemporaryDirectory() as folder:
        make_samples(Path(folder))
        upload_samples(oss_settings(stack).bucket(names.bucket), names.prefix, Path(folder))


def down() -> None:
    """End the stack, and the processes that an interrupted demo left."""
    ended = [name for folder in (UP_DIR, DEMO_DIR) if folder.is_dir() for name in ProcessGroup(folder).stop()]
    print("ended: " + ", ".join(ended) if ended else "nothing was running")


def main() -> int:
    """Run the command.

    Returns:
        The exit status: 0, 1 after an error, 130 after an interruption.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.background", description=__doc__)
    parser.add_argument("command", choices=("up", "down"))
    command = parser.parse_args().command
    try:
        with interrupted_by_signals():
            if command == "up":
                up(UP_DIR)
            else:
                down()
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
