"""From the process string of OSS to a task: parsed, its target resolved, or refused with IMM's message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from oss_audio_core.audio_convert import AudioConvert, ParameterError, ProcessRequest, SaveAs
from oss_audio_core.audio_convert.process_request import check_bucket_name, check_object_key
from oss_audio_core.audio_convert.variables import (
    expand,
    source_variables,
    task_time_variables,
    upload_time_variables,
    with_extension,
)
from oss_local_cloud.imm import ids
from oss_local_cloud.interfaces import ImmClientError, ObjectInfo


@dataclass(frozen=True)
class Target:
    """Where a rendition goes."""

    bucket: str
    key: str


def parse(process: str) -> ProcessRequest:
    """The request in a process string; raises ImmClientError.

    An action other than `audio/convert` has no route here, as the service says of every action that can't
    run asynchronously. `sys/saveas` is required: a rendition has to go somewhere.
    """
    try:
        request = ProcessRequest.parse(process)
    except ParameterError as error:
        if error.parameter == "action":
            raise not_found("Route") from error
        raise invalid(error.parameter, str(error)) from error
    if request.saveas is None:
        raise invalid("target", "is required.")
    return request


def conversion(process: str) -> AudioConvert:
    """What is to be done by a process string that `parse` accepted."""
    return _conversion(process.partition("|")[0])


@lru_cache(maxsize=256)  # a batch has a few
def _conversion(text: str) -> AudioConvert:
    return AudioConvert.parse(text)


def resolve(saveas: SaveAs, source: ObjectInfo, extension: str, now_ms: int) -> Target:
    """The target's bucket and key with every variable replaced; raises ImmClientError.

    `{streamindex}` and `{index}` are those of the one audio stream there is: 0 and 1. A key without an
    extension gets the container's.
    """
    context = {
        **source_variables(source.bucket, source.key),
        **upload_time_variables(source.last_modified),
        **task_time_variables(datetime.fromtimestamp(now_ms / 1000, UTC)),
        **{f"tags.{name}": value for name, value in source.tags.items()},
        "autoext": extension,
        "streamindex": "0",
        "index": "1",
    }
    try:
        bucket = source.bucket if saveas.bucket is None else expand(saveas.bucket, context)
        key = with_extension(expand(saveas.key, context), extension)
        check_bucket_name("saveas b", bucket)
        check_object_key("saveas o", key)
    except ParameterError as error:
        raise invalid(error.parameter, str(error)) from error
    return Target(bucket, key)


def invalid(parameter: str, what: str) -> ImmClientError:
    """IMM's way to refuse a parameter: `InvalidArgument, [target]:is required. <request id>`."""
    sentence = what.removeprefix(parameter).strip()
    return ImmClientError(400, f"InvalidArgument, [{parameter}]:{sentence} {ids.request_id()}")


def not_found(kind: str) -> ImmClientError:
    """Make IMM's error for a missing resource: an Attachment (bucket without project), a Route (no such action)."""
    return ImmClientError(404, f"ResourceNotFound, The specified resource {kind} is not found. [{ids.request_id()}]")
