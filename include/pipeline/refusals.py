"""Telling a refusal that concerns one object from one that concerns the service, the bucket or who we are."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from include.oss.explain import is_credential_error

from .submit_outcomes import THROTTLED

if TYPE_CHECKING:
    from oss2.exceptions import ServerError

#: Refusals of the kind 4xx that every object of the batch would meet, or that may be over soon.
_NOT_THE_OBJECT = THROTTLED | {"InvalidBucketName", "NoSuchBucket", "RequestTimeout", "SecondLevelDomainForbidden"}


def is_about_the_object(error: Exception) -> TypeGuard[ServerError]:
    """Whether OSS refused this one object, so that asking again tomorrow would not help and its neighbours may go on.

    A missing permission (403) is mended in the account, and a conversion must not be paid again for it; of the 403
    only the state of an archived object is the object's own.
    """
    import oss2

    if not isinstance(error, oss2.exceptions.ServerError) or not 400 <= error.status < 500:
        return False
    if error.status == 403:
        return bool(error.code == "InvalidObjectState")
    elsewhere = error.status in {408, 429} or "signing region" in (error.message or "")
    return not elsewhere and error.code not in _NOT_THE_OBJECT and not is_credential_error(error)
