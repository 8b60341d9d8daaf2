"""Telling a refusal that concerns one object from one that concerns the service, the bucket or who we are."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from oss_audio_core.oss.error_classification import is_credential_error, is_passing, is_wrong_setting

if TYPE_CHECKING:
    from oss2.exceptions import ServerError


def is_about_the_object(error: Exception) -> TypeGuard[ServerError]:
    """Whether OSS refused this one object, so that asking again tomorrow would not help and its neighbours may go on.

    A missing permission (403) is mended in the account, and a conversion must not be paid again for it; of the 403
    only the state of an archived object is the object's own.
    """
    import oss2

    if not isinstance(error, oss2.exceptions.ServerError) or not 400 <= error.status < 500:
        return False
    return not (is_passing(error) or is_credential_error(error) or is_wrong_setting(error))
