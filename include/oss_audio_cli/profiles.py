"""`oss-audio profiles check`: every problem of a folder's profiles, before a DAG run meets one."""

from __future__ import annotations

from pathlib import Path

from oss_audio_core.audio_convert.profile_files import profile_folder, read_profiles


def check_folder(folder: Path | None) -> tuple[str, list[str]]:
    """Read every profile of a folder.

    Args:
        folder: holds the YAML files; None: the folder that the DAGs would read.

    Returns:
        A line that says what was found, and the problems: the first one of each file and of each profile.
    """
    where = folder or profile_folder()
    profiles, problems = read_profiles(where)
    if not profiles and not problems:
        return "", [f"{where}: there is no profile in it; profiles stand in *.yaml and *.yml files"]
    return f"{where}: {len(profiles)} profiles: {', '.join(profiles)}", [str(problem) for problem in problems]
