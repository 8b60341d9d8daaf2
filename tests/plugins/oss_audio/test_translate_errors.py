"""What passes by itself gets the task's retries; what a person has to mend fails it at once."""

from __future__ import annotations

import oss2
import pytest
import requests
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from oss_audio.translate_errors import translate_errors
from oss_audio_core.catalogue import CatalogueError, CatalogueUnavailable
from oss_audio_core.oss import OssConfigurationError, OssSettings, OssUnavailable
from oss_audio_core.pipeline.scratch_file import ScratchSpaceError
from oss_audio_core.smq import SmqConfigurationError, SmqUnreachable

SETTINGS = OssSettings("", "cn-hangzhou", "an-id", "a-secret")


@pytest.mark.parametrize(
    "error",
    [
        OssUnavailable("IMM is busy."),
        SmqUnreachable("no answer."),
        CatalogueUnavailable("it is starting."),
        ScratchSpaceError("make room."),
    ],
)
def test_what_passes_is_tried_again(error: Exception) -> None:
    with pytest.raises(AirflowException, match=str(error)) as caught, translate_errors("Listing"):
        raise error
    assert not isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize(
    "error",
    [
        OssConfigurationError("no such bucket."),
        SmqConfigurationError("no queue."),
        CatalogueError("another program's."),
    ],
)
def test_what_a_person_has_to_mend_is_not(error: Exception) -> None:
    with pytest.raises(AirflowFailException, match=str(error)), translate_errors("Listing"):
        raise error


def answered(status: int, code: str) -> oss2.exceptions.ServerError:
    return oss2.exceptions.ServerError(status, {}, b"", {"Code": code, "Message": "said the test"})


@pytest.mark.parametrize(
    ("error", "gives_up"),
    [
        (answered(403, "AccessDenied"), True),
        (answered(403, "InvalidAccessKeyId"), True),
        (answered(403, "SignatureDoesNotMatch"), True),
        (answered(404, "NoSuchBucket"), True),
        (answered(403, "SecurityTokenExpired"), False),
        (answered(404, "NoSuchKey"), False),
        (answered(503, "ServiceUnavailable"), False),
        (answered(400, "Throttling.User"), False),
        (oss2.exceptions.RequestError(ConnectionResetError()), False),
        (requests.exceptions.ChunkedEncodingError(), False),
    ],
)
def test_what_a_step_raises_in_the_middle_of_its_work(error: Exception, gives_up: bool) -> None:
    with pytest.raises(AirflowException) as caught, translate_errors("Verifying", SETTINGS):
        raise error
    assert isinstance(caught.value, AirflowFailException) is gives_up
