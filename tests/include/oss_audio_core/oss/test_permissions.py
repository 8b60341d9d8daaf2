"""Each call that the product makes of OSS, IMM and SMQ is allowed by what page and error messages ask for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import oss2
import pytest

from oss_audio_core.oss.explain import explain
from oss_audio_core.oss.permissions import PERMISSIONS as OSS
from oss_audio_core.smq import SmqClient
from oss_audio_core.smq.permissions import PERMISSIONS as SMQ

ROOT = Path(__file__).parents[4]
COPY = {"oss:GetObject", "oss:PutObject", "oss:GetObjectTagging", "oss:PutObjectTagging"}

NEEDS: dict[str, set[str]] = {
    "abort_multipart_upload": {"oss:AbortMultipartUpload"},
    "async_process_object": {"oss:PostProcessTask", "oss:ProcessImm", "oss:PutObject", "imm:CreateMediaConvertTask"},
    "batch_delete_objects": {"oss:DeleteObject"},
    "complete_multipart_upload": {"oss:PutObject"},
    "copy_object": COPY,
    "delete_object": {"oss:DeleteObject"},
    "get_object": {"oss:GetObject"},
    "get_object_tagging": {"oss:GetObjectTagging"},
    "get_ossbucket_attachment_with_options": {"imm:GetOSSBucketAttachment"},
    "get_task_with_options": {"imm:GetTask"},
    "head_object": {"oss:GetObject"},
    "init_multipart_upload": {"oss:PutObject", "oss:PutObjectTagging"},
    "list_objects_v2": {"oss:ListObjects"},
    "list_tasks_with_options": {"imm:ListTasks"},
    "object_exists": {"oss:GetObject"},
    "put_object": {"oss:PutObject"},
    "restore_object": {"oss:RestoreObject"},
    "sign_url": {"oss:GetObject"},
    "upload_part_copy": {"oss:GetObject", "oss:PutObject"},
    # Of this package's own client of SMQ.
    "delete": {"mns:DeleteMessage"},
    "queue_attributes": {"mns:GetQueueAttributes"},
    "receive": {"mns:ReceiveMessage"},
    "topic_attributes": {"mns:GetTopicAttributes"},
}
"""Every method of an SDK that the product calls, and what the services' documentation says it needs."""

OUR_OWN = {"close", "execute", "get_batch", "get_task", "list_tasks"}
"""Names of the SDKs' that the product has for something else."""


def methods(*of: Any) -> set[str]:
    return {name for one in of for name in dir(one) if not name.startswith("_") and callable(getattr(one, name))}


def used() -> Iterator[str]:
    """Every name after a dot in the code of the product, the local cloud left out."""
    files = [*(ROOT / "include").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    for path in files:
        if "oss_local_cloud" not in path.parts:
            yield from (node.attr for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Attribute))


def test_what_is_needed_is_what_is_asked_for() -> None:
    imm = import_module("alibabacloud_imm20200930.client").Client
    asyncio_client = import_module("alibabacloud_oss_v2.aio").AsyncClient
    of_the_sdks = methods(oss2.Bucket, oss2.Service, asyncio_client, imm) | {
        name for name in methods(oss2) if name.endswith("Iterator")
    }
    calls = set(used()) & (of_the_sdks | methods(SmqClient)) - OUR_OWN
    assert calls == NEEDS.keys()
    assert set().union(*NEEDS.values()) == OSS.keys() | SMQ.keys()


@pytest.mark.parametrize(("action", "reason"), [*OSS.items(), *SMQ.items()])
def test_the_page_has_each_with_its_reason(action: str, reason: str) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert f"| `{action}` | {reason} |\n" in page


def test_the_sentence_of_a_refusal_has_them_all() -> None:
    error = oss2.exceptions.ServerError(403, {}, b"", {"Code": "AccessDenied", "Message": "AccessDenied"})
    said = explain(error, "Submitting")
    assert [action for action in OSS if action not in said] == []
