"""`oss-audio init` writes a project to start from, into whatever is there, and changes no file."""

from __future__ import annotations

import errno
import json
import re
import shlex
from pathlib import Path

import pytest

from oss_audio_cli.new_project import ProjectError, write_project
from oss_audio_core.audio_convert.profile_files import load_profiles

ROOT = Path(__file__).parents[3]


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def variables(env: str) -> dict[str, str]:
    lines = [line for line in env.splitlines() if re.match(r"[A-Z_]+=", line)]
    return dict(shlex.split(line)[0].split("=", 1) for line in lines)


def test_an_empty_folder_gets_the_repositorys_own_files(tmp_path: Path) -> None:
    made = write_project(tmp_path / "new" / "project")
    found = contents(tmp_path / "new" / "project")
    assert made.left == ()
    assert sorted(map(str, made.written)) == sorted(found)
    for folder, pattern in (("dags", "*.py"), ("include/profiles", "*.yaml")):
        ours = {f"{folder}/{path.name}": path.read_text() for path in (ROOT / folder).glob(pattern)}
        assert ours
        assert ours == {name: text for name, text in found.items() if name.startswith(folder)}


def test_the_sample_settings_point_at_the_profiles_and_at_the_local_cloud(tmp_path: Path) -> None:
    write_project(tmp_path)
    settings = variables((tmp_path / "oss-audio.env").read_text())
    assert load_profiles(Path(settings["OSS_AUDIO_PROFILE_FOLDER"])) == load_profiles(ROOT / "include" / "profiles")
    oss = json.loads(settings["AIRFLOW_CONN_OSS_DEFAULT"])
    assert (oss["conn_type"], oss["extra"]["endpoint"]) == ("oss", "http://127.0.0.1:9000")
    assert json.loads(settings["AIRFLOW_CONN_SMQ_DEFAULT"])["conn_type"] == "smq"
    assert "{{" not in "".join(contents(tmp_path).get(name, "") for name in ("oss-audio.env", "oss-audio.md"))


def test_files_that_exist_stay_and_are_named(tmp_path: Path) -> None:
    mine = {"dags/convert_audio.py": "# mine", "include/profiles/web.yaml": "# mine", "oss-audio.env": "MINE=1"}
    for name, text in mine.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    made = write_project(tmp_path)
    assert sorted(map(str, made.left)) == sorted(mine)
    assert mine.items() <= contents(tmp_path).items()
    assert all(f"left {name}: it exists" in made.summary() for name in mine)
    before = contents(tmp_path)
    assert write_project(tmp_path).written == ()
    assert contents(tmp_path) == before


@pytest.mark.parametrize("image", ["quay.io/astronomer/astro-runtime:13.2.0", "astrocrpublic.azurecr.io/runtime:3.0-4"])
def test_an_astro_project_gets_its_requirement_named(tmp_path: Path, image: str) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\n")
    (tmp_path / "requirements.txt").write_text("pandas\n")
    made = write_project(tmp_path)
    assert made.astro
    assert made.requirement is not None
    assert re.search(r"add to .*requirements\.txt:  airflow-provider-oss-audio\[postgres,parquet\]==\d", made.summary())
    assert (tmp_path / "requirements.txt").read_text() == "pandas\n"
    settings = variables((tmp_path / "oss-audio.env").read_text())
    assert settings["OSS_AUDIO_PROFILE_FOLDER"] == "/usr/local/airflow/include/profiles"
    (tmp_path / "requirements.txt").write_text("airflow-provider-oss-audio[postgres]\n")
    assert write_project(tmp_path).requirement is None


@pytest.mark.parametrize("place", ["file", "file/below", "project"])
def test_a_target_that_is_a_file_is_one_line(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "dags").write_text("a file where a folder has to be")
    with pytest.raises(ProjectError, match="is a file, not a folder") as refused:
        write_project(tmp_path / place)
    assert "\n" not in str(refused.value)


def test_a_target_that_cannot_be_written_is_one_line() -> None:
    with pytest.raises(ProjectError, match="can't be written") as refused:
        write_project(Path("/proc/nothing/here"))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("line", "is_required"),
    [
        ("airflow-provider-oss-audio", True),
        ("Airflow_Provider.OSS_audio[parquet] >= 0.2", True),
        ("airflow-provider-oss-audio-extras==1", False),
        ("# airflow-provider-oss-audio", False),
    ],
)
def test_a_requirement_is_known_by_its_name(tmp_path: Path, line: str, is_required: bool) -> None:
    (tmp_path / "requirements.txt").write_text(f"pandas\n{line}\n")
    assert (write_project(tmp_path).requirement is None) is is_required


def test_a_write_that_fails_leaves_no_part_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path, content: str, encoding: str) -> int:
        with self.open("w") as file:
            file.write(content[:10])
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    with monkeypatch.context() as full:
        full.setattr(Path, "write_text", fail)
        with pytest.raises(ProjectError, match="No space left on device"):
            write_project(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert write_project(tmp_path).left == ()


@pytest.mark.parametrize("name", ["it's", "two\nlines", "\udcff"])
def test_a_name_that_no_setting_holds_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProjectError) as refused:
        write_project(tmp_path / name)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []
