"""`oss-audio profiles check`: every problem of a folder's profiles, before a DAG run meets one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from oss_audio_core.audio_convert import ParameterError, Profile
from oss_audio_core.audio_convert.profile_files import profile_folder, read_profiles
from oss_audio_core.pipeline.batch_request import BatchRequest
from oss_audio_core.pipeline.reserved_prefixes import ReservedPrefixes


def check_folder(folder: Path | None) -> tuple[str, list[str]]:
    """Read every profile of a folder.

    Args:
        folder: holds the YAML files; None: the folder that the DAGs would read.

    Returns:
        A line that says what was found, and the problems: the first one of each file and of each profile.
    """
    where = folder or profile_folder()
    profiles, problems = read_profiles(where)
    unplaced = list(_reserved(profiles.values()))
    if not profiles and not problems:
        return "", [f"{where}: there is no profile in it; profiles stand in *.yaml and *.yml files"]
    found = f"{where}: {len(profiles)} profiles: {', '.join(profiles)}"
    return found, [*(str(problem) for problem in problems), *(f"{where}: {problem}" for problem in unplaced)]


def _reserved(profiles: Iterable[Profile]) -> Iterator[str]:
    """Profiles whose targets lie under the deployment's staging or catalogue prefix."""
    given = os.environ.get
    catalogue = given("OSS_AUDIO_CATALOGUE_PREFIX")
    reserved = ReservedPrefixes(
        given("OSS_AUDIO_STAGING_PREFIX") or BatchRequest.staging,
        BatchRequest.catalogue if catalogue is None else catalogue,
    )
    for profile in profiles:
        try:
            reserved.refuse_template(profile.target_key)
        except ParameterError as error:
            yield f"{profile.name}: {error}"
