"""What passes by itself gets the task's retries; what a person has to mend fails it at once."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from include.catalogue import CatalogueError, CatalogueUnreachable
from include.oss import OssConfigurationError, OssUnavailable
from oss_audio.clear_errors import clear_errors


@pytest.mark.parametrize("error", [OssUnavailable("IMM is busy."), CatalogueUnreachable("it is starting.")])
def test_what_passes_is_tried_again(error: Exception) -> None:
    with pytest.raises(AirflowException, match=str(error)) as caught, clear_errors("Listing"):
        raise error
    assert not isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize("error", [OssConfigurationError("no such bucket."), CatalogueError("another program's.")])
def test_what_a_person_has_to_mend_is_not(error: Exception) -> None:
    with pytest.raises(AirflowFailException, match=str(error)), clear_errors("Listing"):
        raise error
