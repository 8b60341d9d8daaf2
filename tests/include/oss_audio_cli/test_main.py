"""The command `oss-audio`: what each part prints, and that help imports none of them."""

from __future__ import annotations

import os
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


def test_the_help_of_the_local_cloud_needs_no_extra() -> None:
    program = (
        "import sys; from oss_audio_core.extras import MODULES\n"
        # Typer has pydantic for its own use.
        "for name in {*MODULES['local-cloud']} - {'pydantic'}: sys.modules[name] = None\n"
        "from oss_audio_cli.main import main; main()"
    )
    for words in (["local-cloud", "--help"], ["local-cloud", "serve", "-h"]):
        done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("usage: oss-audio local-cloud")


@pytest.mark.parametrize(
    "words", [[], ["catalogue"], ["catalogue", "list"], ["profiles"], ["profiles", "check"], ["init"]]
)
def test_the_short_form_of_help_is_the_long_one(words: list[str]) -> None:
    status, out, _ = run(*words, "-h")
    assert (status, out) == run(*words, "--help")[:2]
    assert (status, "Usage: oss-audio" in out or "Usage: root" in out) == (0, True)


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


def test_a_profile_whose_targets_lie_in_staging_or_among_the_exports_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = {"staged": ".staging/{barename}.mp3", "exported": "catalogue/x/{key}.mp3", "good": "{dirname}/{key}.mp3"}
    lines = [
        f"  {name}: {{description: d, convert: {{f: mp3}}, target: {{key: '{key}'}}}}" for name, key in bodies.items()
    ]
    (tmp_path / "a.yaml").write_text("\n".join(["profiles:", *lines]))
    status, _, complaint = run("profiles", "check", str(tmp_path))
    assert (status, complaint.count("\n")) == (1, 2)
    assert (
        "exported: target key is 'catalogue/x/{key}.mp3'; allowed: a key outside of the catalogue prefix" in complaint
    )
    assert "staged: target key is '.staging/{barename}.mp3'; allowed: a key outside of the staging prefix" in complaint
    monkeypatch.setenv("OSS_AUDIO_STAGING_PREFIX", "in-progress/")
    monkeypatch.setenv("OSS_AUDIO_CATALOGUE_PREFIX", "")
    assert run("profiles", "check", str(tmp_path))[0] == 0


def test_an_empty_folder_of_profiles_is_a_problem(tmp_path: Path) -> None:
    status, _, complaint = run("profiles", "check", str(tmp_path))
    assert status == 1
    assert "there is no profile in it" in complaint


def test_profiles_stand_in_yml_files_too(tmp_path: Path) -> None:
    body = "{description: d, convert: {f: mp3}, target: {key: 'x/{barename}.mp3'}}"
    (tmp_path / "a.yaml").write_text(f"profiles:\n  one: {body}\n")
    (tmp_path / "b.yml").write_text(f"profiles:\n  two: {body}\n")
    (tmp_path / ".c.yml").write_text("half written")
    (tmp_path / "notes.txt").write_text("profiles: none\n")
    status, out, _ = run("profiles", "check", str(tmp_path))
    assert (status, out) == (0, f"{tmp_path}: 2 profiles: one, two\n")
    (tmp_path / "b.yml").write_text("profiles:\n  two: {}\n")
    status, _, complaint = run("profiles", "check", str(tmp_path))
    assert (status, complaint.startswith(f"{tmp_path}/b.yml:2: ")) == (1, True)


@pytest.mark.parametrize("settings", [{}, {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_a_name_outside_ascii_in_the_c_locale(tmp_path: Path, settings: dict[str, str]) -> None:
    """Python takes the C locale for UTF-8, unless that is switched off: then one line names the remedy."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    program = "from oss_audio_cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "init", str(tmp_path / "höhe-歌")],
        capture_output=True,
        env={**environment, "LC_ALL": "C", **settings},
        check=False,
    )
    if settings:
        assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)
        assert b"set LC_ALL=C.UTF-8" in done.stderr
    else:
        assert (done.returncode, done.stderr) == (0, b"")
        assert (tmp_path / "höhe-歌" / "dags" / "nightly_audio_batch.py").is_file()


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
