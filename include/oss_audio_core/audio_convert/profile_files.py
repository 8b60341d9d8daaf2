"""Profiles from YAML files: strict keys, and every error with file, line and key."""

from __future__ import annotations

import os
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from oss_audio_core.audio_convert.convert import AudioConvert
from oss_audio_core.audio_convert.errors import ParameterError
from oss_audio_core.audio_convert.profile import Profile
from oss_audio_core.audio_convert.verify_policy import VERIFY_SETTINGS, VerifyPolicy
from oss_audio_core.package_data import data_folder

_PACKAGE = Path(__file__).resolve().parents[1]

PROFILES_DIRECTORY = data_folder(_PACKAGE / "profiles", _PACKAGE.parent / "profiles")
"""The profiles that come with the product."""

FOLDER_SETTING = "OSS_AUDIO_PROFILE_FOLDER"
"""Environment variable that names another folder of profiles, in place of those that come with the product."""

SUFFIXES = frozenset({".yaml", ".yml"})
"""Of files with profiles. Hidden files, which editors leave, are none."""

_CONVERT_KEYS = tuple(field.name for field in fields(AudioConvert))
_INTEGER_TAG = "tag:yaml.org,2002:int"
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII)


class ProfileError(ValueError):
    """A profile file is wrong: `file`, `line` (from 1; 0: the file as a whole) and dotted `key`."""

    def __init__(self, file: Path, line: int, key: str, problem: str) -> None:
        super().__init__(file, line, key, problem)
        self.file = file
        self.line = line
        self.key = key
        self.problem = problem

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else f"{self.file}"
        return f"{place}: {self.key}: {self.problem}" if self.key else f"{place}: {self.problem}"


def profile_folder() -> Path:
    """The folder that `OSS_AUDIO_PROFILE_FOLDER` names, else that of the profiles that come with the product."""
    return Path(os.environ.get(FOLDER_SETTING) or PROFILES_DIRECTORY)


def load_profiles(directory: Path | None = None) -> dict[str, Profile]:
    """All profiles of the YAML files in `directory`, by name, sorted.

    Args:
        directory: None: `profile_folder()`.

    Raises:
        ProfileError: the first problem there is, also for a name that two files define.
    """
    profiles, problems = read_profiles(directory or profile_folder())
    if problems:
        raise problems[0]
    return profiles


def read_profiles(folder: Path) -> tuple[dict[str, Profile], list[ProfileError]]:
    """The profiles of the `*.yaml` and `*.yml` files in `folder`, by name, sorted; and what is wrong with the others.

    Returns:
        Profiles without a problem, and the first problem of every other profile and file, in the order of files.
    """
    if not folder.is_dir():
        missing = "no such directory; name one that holds *.yaml files of profiles"
        return {}, [ProfileError(folder, 0, "", missing)]
    profiles: dict[str, Profile] = {}
    origins: dict[str, str] = {}
    problems: list[ProfileError] = []
    for file in _yaml_files(folder):
        try:
            entries = _Mapping(file, "profiles", _top_level(file))
        except ProfileError as problem:
            problems.append(problem)
            continue
        for name, node in entries.nodes.items():
            try:
                if name in origins:
                    raise entries.error(name, f"already defined at {origins[name]}")
                origins[name] = f"{file}:{entries.line(name)}"
                profiles[name] = _read_profile(entries, name, node)
            except ProfileError as problem:
                problems.append(problem)
    return dict(sorted(profiles.items())), problems


def _yaml_files(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )


class _Mapping:
    """A YAML mapping whose keys are known, with the place of each for errors."""

    def __init__(
        self,
        file: Path,
        path: str,
        node: yaml.Node,
        required: tuple[str, ...] | None = None,
        optional: tuple[str, ...] = (),
    ) -> None:
        self.file = file
        self.path = path
        self.own_line = node.start_mark.line + 1
        self.nodes: dict[str, yaml.Node] = {}
        self._lines: dict[str, int] = {}
        if not isinstance(node, yaml.MappingNode):
            raise ProfileError(file, self.own_line, path, "has to be a mapping (key: value)")
        for key_node, value_node in node.value:
            self._add(str(key_node.value), key_node.start_mark.line + 1, value_node)
        if required is None:
            return
        known = dict.fromkeys([*required, *optional])
        for key in self.nodes:
            if key not in known:
                raise self.error(key, f"unknown key; known: {', '.join(known)}")
        for key in required:
            if key not in self.nodes:
                raise ProfileError(file, self.own_line, path, f"the key {key!r} is missing")

    def _add(self, key: str, line: int, node: yaml.Node) -> None:
        if key in self.nodes:
            message = f"given twice, first on line {self._lines[key]}"
            raise ProfileError(self.file, line, f"{self.path}.{key}".lstrip("."), message)
        self.nodes[key] = node
        self._lines[key] = line

    def line(self, key: str) -> int:
        """The line of `key`, or of the mapping where the key is absent."""
        return self._lines.get(key, self.own_line)

    def error(self, key: str, problem: str) -> ProfileError:
        return ProfileError(self.file, self.line(key), f"{self.path}.{key}".lstrip("."), problem)

    def value(self, key: str) -> int | str:
        """A decimal integer as such, every other scalar as its text (which the vocabulary then judges)."""
        node = self.nodes[key]
        if not isinstance(node, yaml.ScalarNode):
            raise self.error(key, "has to be a single value")
        # YAML 1.1 would also read 0x10, 1_000 and 1:30 as integers; only what a person reads as decimal is
        # one.
        is_decimal = node.tag == _INTEGER_TAG and _DECIMAL.fullmatch(node.value)
        return int(node.value) if is_decimal else str(node.value)

    def text(self, key: str) -> str:
        text = str(self.value(key)).strip()
        if not text:
            raise self.error(key, "has to be a text that is not empty")
        return text


def _top_level(file: Path) -> yaml.Node:
    """The node under `profiles`, the only key of a file."""
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError:
        raise ProfileError(file, 0, "", "is not UTF-8 text") from None
    except OSError as error:
        raise ProfileError(file, 0, "", f"can't be read: {error.strerror}") from None
    except RecursionError:
        raise ProfileError(file, 0, "", "is nested too deeply for a profile") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ProfileError(file, mark.line + 1 if mark else 0, "", f"is not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ProfileError(file, 0, "", f"is not YAML: {error}") from None
    if root is None:
        raise ProfileError(file, 0, "", "is empty; expected the key 'profiles'")
    return _Mapping(file, "", root, required=("profiles",)).nodes["profiles"]


def _read_profile(entries: _Mapping, name: str, node: yaml.Node) -> Profile:
    file, path = entries.file, f"{entries.path}.{name}"
    body = _Mapping(file, path, node, ("description", "convert", "target"), ("publish", "verify"))
    convert_body = _Mapping(file, f"{path}.convert", body.nodes["convert"], ("f",), _CONVERT_KEYS)
    target = _Mapping(file, f"{path}.target", body.nodes["target"], ("key",), ("bucket",))
    # AudioConvert and Profile judge the values, of whatever type the file gives them.
    parameters: dict[str, Any] = {key: convert_body.value(key) for key in convert_body.nodes}
    try:
        convert = AudioConvert(**parameters)
    except ParameterError as error:
        raise convert_body.error(error.parameter, str(error)) from None
    settings: dict[str, Any] = {
        "name": name,
        "description": body.text("description"),
        "target_key": target.text("key"),
        "target_bucket": target.text("bucket") if "bucket" in target.nodes else None,
        "publish": body.text("publish") if "publish" in body.nodes else "staged",
        "verify": _read_verify(body),
    }
    try:
        return Profile(convert=convert, **settings)
    except ParameterError as error:
        if error.parameter == "name":
            raise entries.error(name, str(error)) from None
        owner, _, key = error.parameter.rpartition(" ")
        raise (target if owner == "target" else body).error(key, str(error)) from None


def _read_verify(body: _Mapping) -> VerifyPolicy:
    """`verify: probe`, or a mapping of the settings; absent: the default."""
    node = body.nodes.get("verify")
    settings: _Mapping | None = None
    try:
        if node is None:
            return VerifyPolicy()
        if isinstance(node, yaml.ScalarNode):
            return VerifyPolicy.parse(body.text("verify"))
        settings = _Mapping(body.file, f"{body.path}.verify", node, (), VERIFY_SETTINGS)
        return VerifyPolicy.from_texts({name: settings.text(name) for name in settings.nodes})
    except ParameterError as error:
        if settings is None:
            raise body.error("verify", str(error)) from None
        raise settings.error(error.parameter.removeprefix("verify "), str(error)) from None
