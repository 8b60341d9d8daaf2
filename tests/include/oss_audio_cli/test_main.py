"""The command `oss-audio`: what each part prints, and that help imports none of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from oss_audio_cli.main import app
from oss_audio_core import extras


def run(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(words))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_the_version_is_the_distributions() -> None:
    status, out, _ = run("--version")
    assert (status, out) == (0, "airflow-provider-oss-audio 0.2.0\n")


def test_help_imports_neither_airflow_nor_any_part() -> None:
    program = (
        "import sys; from oss_audio_cli.main import app\n"
        "try: app(['--help'], prog_name='oss-audio')\n"
        "except SystemExit: print(sorted({'airflow', 'sqlalchemy', 'oss2', 'starlette', 'av'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_missing_extra_is_named_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "uvicorn" else object())
    status, _, complaint = run("local-cloud", "serve")
    assert status == 1
    assert complaint == "error: uvicorn is not installed: pip install 'airflow-provider-oss-audio[local-cloud]'\n"


def test_a_catalogue_on_postgresql_names_the_extra_of_its_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "psycopg2" else object())
    status, _, complaint = run("catalogue", "list", "--catalogue", "postgresql://user@127.0.0.1:1/audio")
    assert status == 1
    assert "psycopg2 is not installed: pip install 'airflow-provider-oss-audio[postgres]'" in complaint


def test_arguments_go_on_to_the_local_cloud() -> None:
    program = "from oss_audio_cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "local-cloud", "serve", "--data", "x", "--access-key-id", "a"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--access-key-secret is missing" in done.stderr


def test_the_profiles_of_the_package_are_good() -> None:
    status, out, _ = run("profiles", "check")
    assert status == 0
    assert "mobile-mp3" in out


def test_every_broken_profile_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("profiles:\n  one: {convert: {f: mp9}}\n  two: {description: x}\n")
    (tmp_path / "b.yaml").write_text("nothing: here\n")
    status, out, complaint = run("profiles", "check", str(tmp_path))
    assert (status, out) == (1, "")
    assert [line.split(":")[0].rpartition("/")[2] for line in complaint.splitlines()] == ["a.yaml", "a.yaml", "b.yaml"]


def test_an_empty_folder_of_profiles_is_a_problem(tmp_path: Path) -> None:
    status, _, complaint = run("profiles", "check", str(tmp_path))
    assert status == 1
    assert "there is no profile in it" in complaint


def test_init_says_what_it_wrote(tmp_path: Path) -> None:
    status, out, _ = run("init", str(tmp_path / "project"))
    assert status == 0
    assert "wrote dags/nightly_audio_batch.py" in out
    (tmp_path / "file").write_text("")
    status, _, complaint = run("init", str(tmp_path / "file"))
    assert (status, complaint.count("\n")) == (1, 1)


def test_an_empty_folder_name_is_refused_and_not_taken_for_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, complaint = run("init", "")
    assert (status, complaint) == (
        1,
        "error: DIR is empty; name a folder, such as ~/airflow, or . for the current one\n",
    )
    assert list(tmp_path.iterdir()) == []
