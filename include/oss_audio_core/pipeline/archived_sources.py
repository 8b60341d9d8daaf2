"""Sources in an archive: they can be read only after a restore, which takes minutes to hours."""

from __future__ import annotations

from typing import Any

from oss_audio_core.oss import with_retries

ARCHIVES = frozenset({"Archive", "ColdArchive", "DeepColdArchive"})
"""Storage classes whose objects must be restored before they are read."""

ARCHIVED, RESTORING, RESTORE_REQUESTED = "archived", "archived, being restored", "archived, restoring was asked for"
"""Reasons against archived objects."""

RESTORED_DAYS = 3
"""Days that a restored copy stays readable: a late batch and its retries find it still."""


class Archives:
    """Which archived objects can be read now; restores the others for the next night where that is asked for."""

    def __init__(self, bucket: Any, *, restore: bool) -> None:
        """Prepare for an `oss2.Bucket`; `restore` costs money: OSS charges for every restore."""
        self._bucket = bucket
        self._restore = restore

    def reason_against(self, found: Any) -> str | None:
        """Why a listed object can't be converted now, or None when it can.

        At most one HEAD for an archived object, and one POST where it is to be restored.

        Raises:
            oss2.exceptions.OssError: as the SDK raises it.
        """
        if found.storage_class not in ARCHIVES:
            return None
        state = found.restore_info or self._bucket.head_object(found.key).headers.get("x-oss-restore", "")
        if 'ongoing-request="false"' in state:
            return None
        if state:
            return RESTORING
        if not self._restore:
            return ARCHIVED
        return self._have_restored(found)

    def _have_restored(self, found: Any) -> str:
        from oss2.exceptions import RestoreAlreadyInProgress

        try:
            request = _restore_request(found.storage_class)
            with_retries(lambda: self._bucket.restore_object(found.key, input=request))
        except RestoreAlreadyInProgress:
            return RESTORING
        return RESTORE_REQUESTED


def _restore_request(storage_class: str) -> Any:
    import oss2

    models: Any = oss2.models
    # Only the colder classes know tiers; Archive refuses a request that names one.
    job = None if storage_class == "Archive" else models.RestoreJobParameters("Standard")
    return models.RestoreConfiguration(RESTORED_DAYS, job)
