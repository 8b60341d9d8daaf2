"""The unmodified SDKs of the clients. Their types are incomplete or wrong, so they are imported without any."""

from __future__ import annotations

from importlib import import_module
from typing import Any

oss2: Any = import_module("oss2")
oss2_models: Any = import_module("oss2.models")
mns_account: Any = import_module("mns.account")
mns_exception: Any = import_module("mns.mns_exception")
mns_queue: Any = import_module("mns.queue")
imm_client: Any = import_module("alibabacloud_imm20200930.client")
imm_models: Any = import_module("alibabacloud_imm20200930.models")
openapi_models: Any = import_module("alibabacloud_tea_openapi.models")
