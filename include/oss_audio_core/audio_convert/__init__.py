"""The vocabulary of `audio/convert`: what may be asked, how it is written, and the named renditions.

Clients write process strings with it and the local cloud reads them with it; both see the same table of
formats.
"""

from __future__ import annotations

from oss_audio_core.audio_convert.convert import AudioConvert
from oss_audio_core.audio_convert.errors import ParameterError
from oss_audio_core.audio_convert.formats import FORMATS, MAX_CHANNELS, SAMPLE_RATES, AudioFormat
from oss_audio_core.audio_convert.process_request import ProcessRequest, SaveAs
from oss_audio_core.audio_convert.profile import Profile
from oss_audio_core.audio_convert.profile_files import PROFILES_DIRECTORY, ProfileError, load_profiles
from oss_audio_core.audio_convert.source_rules import check_against_source
from oss_audio_core.audio_convert.verify_policy import VerifyPolicy

__all__ = [
    "FORMATS",
    "MAX_CHANNELS",
    "PROFILES_DIRECTORY",
    "SAMPLE_RATES",
    "AudioConvert",
    "AudioFormat",
    "ParameterError",
    "ProcessRequest",
    "Profile",
    "ProfileError",
    "SaveAs",
    "VerifyPolicy",
    "check_against_source",
    "load_profiles",
]
