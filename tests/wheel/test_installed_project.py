"""From the wheel alone: `oss-audio init`, a real Airflow and local cloud, one conversion and one night, verified."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from oss_audio_core.catalogue import State, open_catalogue
from oss_audio_core.catalogue.reports import ReportRow, newest_rows
from tests.wheel.conftest import OLDEST, AdmittedAirflow
from tools.demo.samples import SAMPLES, make_samples
from tools.demo.upload import oss_settings, upload_samples
from tools.distribution import FreshEnvironment
from tools.stack import PROJECT_ROOT, Installation, Stack

RUN_SECONDS = 240.0
NIGHTLY, SINGLE, ASTRO = "nightly_audio_batch", "one_file", "helped"

ASTRO_DAG = """
from airflow.sdk import DAG, task
from include.helpers import greeting
from profiles import mine

with DAG(dag_id="helped", schedule=None):

    @task
    def greet():
        from oss_audio_core.audio_convert.profile_files import load_profiles
        return f"{greeting()} {mine} {len(load_profiles())}"

    greet()
"""
"""A DAG of a user whose project has an `include/` and a `profiles/` of its own."""


@pytest.fixture(scope="module")
def project(outside: Path, admitted: AdmittedAirflow, airflow_environment: FreshEnvironment) -> Path:
    """An Astro-shaped project with helpers of its own, into which `oss-audio init` wrote; and the README's DAG."""
    folder = outside / f"project {admitted.name}"
    own = {
        "include/__init__.py": "",
        "include/helpers.py": "def greeting():\n    return 'hello'\n",
        "profiles/__init__.py": "mine = 'mine'\n",
        "dags/helped.py": ASTRO_DAG,
        "plugins/.keep": "",
    }
    for name, content in own.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    done = airflow_environment.run("oss-audio", "init", folder, cwd=folder)
    assert done.returncode == 0, done.stderr
    blocks = re.findall(r"^```python\n(.*?)^```$", (PROJECT_ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if 'dag_id="one_file"' in block]
    (folder / "dags" / "one_file.py").write_text(block, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def stack(
    outside: Path,
    admitted: AdmittedAirflow,
    project: Path,
    airflow_environment: FreshEnvironment,
    cloud_environment: FreshEnvironment,
) -> Iterator[Stack]:
    """Airflow and the local cloud, each from its environment, with the samples in the bucket."""
    installation = Installation(
        python=airflow_environment.python,
        local_cloud=(str(cloud_environment.program("oss-audio")), "local-cloud", "serve"),
        # Astro puts the project on the path; the working directory does here, as `python -m` adds it.
        python_path=None,
        folder=project,
    )
    stack = Stack(
        outside / f"run {admitted.name}",
        dags_folder=project / "dags",
        plugins_folder=project / "plugins",
        extra_env={
            "OSS_AUDIO_SCHEDULE": "0 0 29 2 *",
            "OSS_AUDIO_PROFILE_FOLDER": str(project / "include" / "profiles"),
        },
        installation=installation,
    )
    with stack:
        make_samples(outside / "samples")
        names = stack.cloud_settings
        upload_samples(oss_settings(stack).bucket(names.bucket), names.prefix, outside / "samples")
        for dag_id in (NIGHTLY, SINGLE, ASTRO):
            stack.airflow.wait_for_dag(dag_id, 120.0)
        assert stack.airflow.import_errors() == []
        yield stack


def succeed(stack: Stack, dag_id: str) -> None:
    conf = {"profiles": ["mobile-mp3"], "failure_threshold": 50}
    stack.airflow.trigger(dag_id, run_id="run", conf=conf if dag_id == NIGHTLY else None)
    run = stack.airflow.wait_for_run(dag_id, "run", RUN_SECONDS)
    assert run["state"] == "success", stack.airflow.explain_failure(dag_id, "run")


def rows(stack: Stack) -> list[ReportRow]:
    catalogue = open_catalogue(stack.catalogue_url)
    try:
        with catalogue.read() as connection:
            return list(newest_rows(connection))
    finally:
        catalogue.close()


def test_one_conversion_and_one_night_are_published_and_verified(
    stack: Stack, project: Path, admitted: AdmittedAirflow, airflow_environment: FreshEnvironment
) -> None:
    succeed(stack, SINGLE)
    bucket = oss_settings(stack).bucket(stack.cloud_settings.bucket)
    assert bucket.object_exists("clips/voice.aac")

    succeed(stack, NIGHTLY)
    night = [row for row in rows(stack) if row.profile == "mobile-mp3"]
    assert Counter(row.state for row in night) == {State.PUBLISHED: len(SAMPLES) - 2, State.FAILED: 2}
    assert all(
        row.codec == "mp3" and bucket.object_exists(row.target_key) for row in night if row.state is State.PUBLISHED
    )

    log = stack.airflow.task_log(NIGHTLY, "run", "export")
    exported = bucket.list_objects_v2(prefix="catalogue/dt=").object_list
    if admitted is OLDEST:
        assert len(exported) == 1
    else:
        assert "pip install 'airflow-provider-oss-audio[parquet]'" in log
        assert exported == []

    said = airflow_environment.run(
        "oss-audio", "catalogue", "list", "--profile", "mobile-mp3", "--catalogue", stack.catalogue_url, cwd=project
    )
    assert said.returncode == 0, said.stderr
    assert len(said.stdout.splitlines()) == 1 + len(SAMPLES) - 2  # the header and a line each


def test_the_users_own_modules_of_the_same_names_are_found(stack: Stack, project: Path) -> None:
    succeed(stack, ASTRO)
    profiles = len(
        re.findall(
            r"^  [a-z0-9-]+:$",
            "\n".join(path.read_text() for path in (project / "include" / "profiles").glob("*.yaml")),
            re.MULTILINE,
        )
    )
    assert stack.airflow.xcom(ASTRO, "run", "greet") == f"hello mine {profiles}"
