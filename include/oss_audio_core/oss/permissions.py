"""What the RAM user of the OSS connection must be allowed, and what for: each action as OSS and IMM call it.

From the permission sections of OSS's API pages and of its page on IMM's permissions. CopyObject's page asks for both
tagging actions where a copy gives tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PERMISSIONS: Mapping[str, str] = MappingProxyType(
    {
        "oss:ListObjects": "list sources, staged objects and renditions",
        "oss:GetObject": "look at sources and renditions, read them and copy from them; presigned links",
        "oss:PutObject": "write renditions, staged and published, and what stands beside them; exports, manifests",
        "oss:PutObjectTagging": "tag what is published",
        "oss:GetObjectTagging": "see whether the catalogue wrote an object; OSS wants it of a copy that gives tags",
        "oss:DeleteObject": "remove what is staged, sidecars that were replaced, orphans: only the catalogue's own",
        "oss:AbortMultipartUpload": "end copies of renditions over 1 GiB that broke off",
        "oss:RestoreObject": "restore archived sources, where a run is to (*restore*)",
        "oss:PostProcessTask": "submit conversions",
        "oss:ProcessImm": "have OSS hand them to IMM",
        "imm:CreateMediaConvertTask": "have IMM make tasks of them",
        "imm:GetTask": "ask for a task whose message was lost",
        "imm:ListTasks": "find the task of a submit whose answer was lost",
        "imm:GetOSSBucketAttachment": "find the project of a bucket, where the connection has no `imm_project`",
    }
)
