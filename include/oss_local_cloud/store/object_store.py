"""The object store: buckets, objects, appends and uploads over one storage."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from oss_local_cloud.store.appends import Appends
from oss_local_cloud.store.buckets import Buckets
from oss_local_cloud.store.multipart_uploads import MultipartUploads
from oss_local_cloud.store.objects import Objects
from oss_local_cloud.store.storage import Storage


class LocalObjectStore(Buckets, Objects):
    """Buckets and objects below the directory `root` that survive `kill -9` from the moment a call returns.

    One process at a time may open a directory. `clock` gives seconds since the epoch.

    Raises:
        SchemaVersionMismatch: The directory was written by another version.
    """

    def __init__(self, root: Path, clock: Callable[[], float] = time.time) -> None:
        storage = Storage(root, clock)
        Buckets.__init__(self, storage)
        Objects.__init__(self, storage)
        self.appends = Appends(storage, self)
        self.uploads = MultipartUploads(storage, self)
        self.events = storage.events
        self.close = storage.close
