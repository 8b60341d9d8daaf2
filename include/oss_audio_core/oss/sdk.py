"""The SDKs, imported when they are first used (about a second of CPU each) and free of types, as they come.

oss2, alibabacloud_oss_v2 and the IMM SDK ship no type information, so their modules and clients are `Any`
here; the aliases only say which class is meant.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

Oss2Bucket = Any
"""`oss2.Bucket`"""

Oss2Service = Any
"""`oss2.Service`"""

Oss2Session = Any
"""`oss2.Session`"""

AioClient = Any
"""`alibabacloud_oss_v2.aio.AsyncClient`"""


def load_oss2() -> Any:
    """Import oss2, the workers' SDK.

    Its INFO lines quote error bodies and its DEBUG lines canonical requests: key ids, tokens, signatures.
    They are switched off unless the level of this logger was set explicitly.
    """
    logger = logging.getLogger("oss2")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.WARNING)
    return import_module("oss2")


def load_aio() -> Any:
    """Import alibabacloud_oss_v2 with its asyncio client, the triggers' SDK."""
    import_module("alibabacloud_oss_v2.aio")
    return import_module("alibabacloud_oss_v2")


def load_imm() -> Any:
    """Import the SDK of IMM's API of 2020-09-30: a module with `.client.Client` and `.models`."""
    import_module("alibabacloud_imm20200930.client")
    return import_module("alibabacloud_imm20200930")
