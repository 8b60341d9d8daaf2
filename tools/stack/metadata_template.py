"""A migrated, empty Airflow database, made once per Airflow version and copied at every start.

`airflow db migrate` costs some four seconds of CPU; a copy costs none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from tools.stack.errors import StackError


def template_path(cache: Path = Path(sys.prefix)) -> Path:
    """Return the template's path for the installed Airflow, inside the virtual environment that it belongs to."""
    return cache / f"airflow-metadata-{version('apache-airflow-core')}.db"


def copy_template(target: Path, env: Mapping[str, str], cache: Path = Path(sys.prefix)) -> None:
    """Put a migrated, empty database at `target`, making the template first when there is none.

    Raises:
        StackError: `airflow db migrate` failed; the message ends with its output.
    """
    template = template_path(cache)
    if not template.exists():
        _make(template, env)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(template, target)


def migrate(env: Mapping[str, str], python: Path = Path(sys.executable)) -> None:
    """Make Airflow's tables in the database that `env` names.

    Args:
        env: Airflow's environment.
        python: the Python that has Airflow.

    Raises:
        StackError: the command failed; the message ends with its output.
    """
    done = subprocess.run(
        [str(python), "-m", "airflow", "db", "migrate"],
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StackError(f"airflow db migrate failed:\n{(done.stdout + done.stderr).strip()[-4000:]}")


def _make(template: Path, env: Mapping[str, str]) -> None:
    # A name for each process: two first starts at once must not write into one file.
    part = template.with_name(f"{template.name}.{os.getpid()}.tmp")
    try:
        migrate({**env, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{part}"})
        os.replace(part, template)
    finally:
        part.unlink(missing_ok=True)
