"""The IMM calls about projects and the buckets bound to them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from oss_local_cloud.imm import projects
from oss_local_cloud.imm.api_parameters import ImmApiError, invalid, page_size, required
from oss_local_cloud.imm.notification import moment
from oss_local_cloud.interfaces import NoSuchBucket

if TYPE_CHECKING:
    from oss_local_cloud.imm.service import ImmService

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}", re.ASCII)
_ROLE = "AliyunIMMDefaultRole"


async def get_oss_bucket_attachment(service: ImmService, parameters: Mapping[str, str]) -> dict[str, object]:
    """GetOSSBucketAttachment: the project a bucket is bound to."""
    project = await _bound(service, required(parameters, "OSSBucket"))
    if project is None:
        raise _not_found("Attachment")
    return {"ProjectName": project, "Description": ""}


async def attach_oss_bucket(service: ImmService, parameters: Mapping[str, str]) -> dict[str, object]:
    """AttachOSSBucket: bind a bucket; one bound to another project already has to be detached first."""
    bucket, name = required(parameters, "OSSBucket"), required(parameters, "ProjectName")
    await existing(service, name)
    bound = await _bound(service, bucket)
    if bound not in (None, name):
        raise ImmApiError(409, "ResourceAlreadyExists", f"The bucket {bucket} is attached to the project {bound}.")
    await _bind(service, bucket, name)
    return {}


async def detach_oss_bucket(service: ImmService, parameters: Mapping[str, str]) -> dict[str, object]:
    """DetachOSSBucket: what is accepted is still converted, new requests are refused."""
    bucket = required(parameters, "OSSBucket")
    if await _bound(service, bucket) is None:
        raise _not_found("Attachment")
    await _bind(service, bucket, None)
    return {}


async def create_project(service: ImmService, parameters: Mapping[str, str]) -> dict[str, object]:
    """CreateProject: name, description and role; limits of datasets are not kept."""
    name = required(parameters, "ProjectName")
    if not _NAME.fullmatch(name):
        raise invalid("ProjectName", "1 to 128 letters, digits, - and _, a letter first")
    role = parameters.get("ServiceRole") or _ROLE
    project = projects.Project(name, parameters.get("Description", ""), role, service.now_ms())
    if not await service.database.run(lambda db: projects.add(db, project)):
        raise ImmApiError(409, "ResourceAlreadyExists", "The specified resource Project already exists.")
    return {"Project": _described(project)}


async def get_project(service: ImmService, parameters: Mapping[str, str]) -> dict[str, object]:
    """GetProject."""
    return {"Project": _described(await existing(service, required(parameters, "ProjectName")))}


async def list_projects(service: ImmService, parameters: Mapping[str, str]) -> dict[str, object]:
    """ListProjects: by prefix, in pages; NextToken is the last name of the page."""
    limit = page_size(parameters.get("MaxResults"))
    prefix, after = parameters.get("Prefix", ""), parameters.get("NextToken", "")
    page = await service.database.run(partial(projects.listing, prefix=prefix, after=after, limit=limit + 1))
    return {
        "Projects": [_described(project) for project in page[:limit]],
        "NextToken": page[limit - 1].name if len(page) > limit else "",
    }


async def existing(service: ImmService, name: str) -> projects.Project:
    """A project by name; raises ResourceNotFound."""
    project = await service.database.run(lambda db: projects.find(db, name))
    if project is None:
        raise _not_found("Project")
    return project


async def _bound(service: ImmService, bucket: str) -> str | None:
    try:
        return await asyncio.to_thread(service.store.imm_project, bucket)
    except NoSuchBucket:
        return None


async def _bind(service: ImmService, bucket: str, project: str | None) -> None:
    try:
        await asyncio.to_thread(service.store.bind_imm_project, bucket, project)
    except NoSuchBucket:
        raise _not_found("OSSBucket") from None


def _not_found(kind: str) -> ImmApiError:
    return ImmApiError(404, "ResourceNotFound", f"The specified resource {kind} is not found.")


def _described(project: projects.Project) -> dict[str, object]:
    created = moment(project.created_ms)
    return {
        "ProjectName": project.name,
        "Description": project.description,
        "ServiceRole": project.service_role,
        "CreateTime": created,
        "UpdateTime": created,
    }
