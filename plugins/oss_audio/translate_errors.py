"""Errors of a step as Airflow's: one sentence in the task log, and a retry only where it can help."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from oss_audio.notes import TASK_NOTE, leave
from oss_audio_core.audio_convert import ParameterError, ProfileError
from oss_audio_core.catalogue import CatalogueError, CatalogueUnavailable, NoSuchBatch
from oss_audio_core.oss import OssConfigurationError, OssSettings, OssUnavailable, is_configuration_error, redact
from oss_audio_core.pipeline.batch_request import RequestError
from oss_audio_core.pipeline.empty_listing import EmptyListing
from oss_audio_core.pipeline.estimating import PriceError
from oss_audio_core.pipeline.scratch_file import ScratchSpaceError
from oss_audio_core.pipeline.selection import SelectionError
from oss_audio_core.pipeline.submitting.errors import NoAnswer
from oss_audio_core.pipeline.verification_errors import OutputNotYet
from oss_audio_core.smq import SmqError, SmqUnavailable
from oss_audio_core.text.escaping import for_log

_SETTINGS = (
    CatalogueError,
    EmptyListing,
    NoSuchBatch,
    OssConfigurationError,
    ParameterError,
    PriceError,
    ProfileError,
    RequestError,
    SelectionError,
    SmqError,
)
"""Errors that need a change of the settings: the task fails at once, whatever its retries."""

_PASSING = (CatalogueUnavailable, NoAnswer, OssUnavailable, OutputNotYet, ScratchSpaceError, SmqUnavailable)
"""Errors that may pass: the task's retries are for these."""


@contextmanager
def translate_errors(doing: str, settings: OssSettings | None = None) -> Iterator[None]:
    """Turn the errors of a step into Airflow's, in words.

    Args:
        doing: what the step does, as the start of a sentence ("Listing the sources").
        settings: of the OSS connection that the step uses; names the setting to look at and hides its credentials.
    """
    import oss2
    import requests

    try:
        yield
    # What is away now is an error of the same family as what is wrong, so what passes is asked for first.
    except _PASSING as error:
        raise _failure(AirflowException, str(error), settings) from None
    except _SETTINGS as error:
        raise _failure(AirflowFailException, str(error), settings) from None
    except (oss2.exceptions.OssError, requests.exceptions.RequestException) as error:
        # The second: oss2 doesn't wrap what happens while it reads an answer. `from None`: the exceptions carry
        # headers and addresses.
        sentence = settings.explain(error, doing) if settings else f"{doing} failed: {type(error).__name__}"
        kind = AirflowFailException if is_configuration_error(error) else AirflowException
        raise _failure(kind, sentence, settings) from None


def _failure(kind: type[Exception], text: str, settings: OssSettings | None) -> Exception:
    """An error as log and note of the task have it: one line without credentials, whatever it quotes."""
    sentence = for_log(redact(text, settings.secrets if settings else ()))
    leave(TASK_NOTE, sentence)
    return kind(sentence)
