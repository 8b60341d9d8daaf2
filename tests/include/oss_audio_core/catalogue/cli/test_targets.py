"""`occupied` and `take-over` on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from oss_audio_core.catalogue import Catalogue, State, own_objects

if TYPE_CHECKING:
    from tests.include.oss_audio_core.catalogue.conftest import Library
    from tests.include.oss_audio_core.catalogue.rendition_folder import RenditionFolder
    from tools.cloud_process import CloudProcess

RunCommand = Callable[..., tuple[int, str, str]]


@pytest.fixture
def at_the_cloud(local_cloud: CloudProcess, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options of OSS."""
    monkeypatch.setenv("OSS_ACCESS_KEY_ID", local_cloud.access_key_id)
    monkeypatch.setenv("OSS_ACCESS_KEY_SECRET", local_cloud.access_key_secret)
    monkeypatch.setenv("OSS_REGION", local_cloud.region)
    return ["--endpoint", local_cloud.oss]


def is_own(catalogue: Catalogue, bucket: str, key: str, etag: str) -> bool:
    with catalogue.read() as connection:
        return own_objects.known_keys(connection, bucket, {key: etag}) == {key}


def test_named_keys_are_taken_over_and_no_others(
    folder: RenditionFolder, run_command: RunCommand, at_the_cloud: list[str], tmp_path: Path
) -> None:
    keys = [f"{folder.root}{name}.mp3" for name in ("a", "b", "c")]
    etags = {key: folder.bucket.put_object(key, key.encode()).etag for key in keys}
    absent, addresses = f"oss://{folder.name}/{folder.root}absent.mp3", [f"oss://{folder.name}/{key}" for key in keys]
    listed = tmp_path / "keys.txt"
    listed.write_text(f"{addresses[1]}\n\n", encoding="utf-8")
    status, out, _ = run_command("take-over", addresses[0], "--from-file", str(listed), *at_the_cloud)
    assert status == 0
    assert [line.split("\t")[:2] for line in out.splitlines()[1:]] == [[one, "True"] for one in addresses[:2]]
    assert f"ETag {etags[keys[0]]}" in out
    assert [is_own(folder.catalogue, folder.name, key, etags[key]) for key in keys] == [True, True, False]
    status, out, _ = run_command("take-over", absent, "no-address", addresses[2], "--json", *at_the_cloud)
    found = json.loads(out)
    assert (status, [one["taken"] for one in found]) == (2, [False, False, True])
    assert "nothing stands there" in found[0]["detail"]
    assert "oss://bucket/key" in found[1]["detail"]


def test_a_source_is_not_taken_over(
    folder: RenditionFolder, library: Library, run_command: RunCommand, at_the_cloud: list[str]
) -> None:
    key = f"{folder.root}song.mp3"
    etag = folder.bucket.put_object(key, b"an original").etag
    library.add(key, etag=etag, described={"bucket": folder.name})
    status, out, _ = run_command("take-over", f"oss://{folder.name}/{key}", *at_the_cloud)
    assert (status, "it is itself a source" in out) == (2, True)
    assert not is_own(folder.catalogue, folder.name, key, etag)


def test_what_is_occupied_can_be_fed_back(
    folder: RenditionFolder, library: Library, run_command: RunCommand, at_the_cloud: list[str], tmp_path: Path
) -> None:
    key = f"{folder.root}a\nb.mp3"
    etag = folder.bucket.put_object(key, b"another's").etag
    refused = {"target_bucket": folder.name, "target_key": key, "code": "TargetOccupied", "message": "it stands there"}
    library.add("a.wav", state=State.SKIPPED, asked=refused)
    library.add("b.wav", state=State.SKIPPED, asked={"code": "EmptySource"})
    status, out, notes = run_command("occupied")
    assert (status, len(out.splitlines()), "take-over" in notes) == (0, 2, True)
    (row,) = json.loads(run_command("occupied", "--json")[1])
    assert (row["address"], row["source"], row["message"]) == (
        f"oss://{folder.name}/{key}",
        "oss://media/a.wav",
        "it stands there",
    )
    listed = tmp_path / "occupied.json"
    listed.write_text(json.dumps([row]), encoding="utf-8")
    assert run_command("take-over", "--from-file", str(listed), *at_the_cloud)[0] == 0
    assert is_own(folder.catalogue, folder.name, key, etag)


def test_a_line_of_a_file_is_a_whole_key_whatever_it_holds(
    folder: RenditionFolder, run_command: RunCommand, at_the_cloud: list[str], tmp_path: Path
) -> None:
    listed = tmp_path / "keys"
    root = f"oss://{folder.name}/{folder.root}"
    addresses = [f"{root}{key}" for key in ("a.mp3\u2028of my own", "b.mp3\x0cx", "c.mp3\x85d", "e\rf.mp3")]
    listed.write_bytes("\r\n".join(addresses).encode())
    other = f"{folder.root}a.mp3"
    etag = folder.bucket.put_object(other, b"another object").etag
    _, out, _ = run_command("take-over", "--from-file", str(listed), "--json", *at_the_cloud)
    assert [row["address"] for row in json.loads(out)] == addresses
    assert not is_own(folder.catalogue, folder.name, other, etag)


@pytest.mark.parametrize("content", [None, b"[{}]", b"[1", b"\xff", b""])
def test_a_file_that_names_no_keys_is_refused(
    run_command: RunCommand, catalogue: Catalogue, tmp_path: Path, content: bytes | None
) -> None:
    listed = tmp_path / "keys"
    if content is not None:
        listed.write_bytes(content)
    status, out, error = run_command("take-over", "--from-file", str(listed))
    assert (status, out) == (2, "")
    assert "Error" in error or "error" in error
