"""Submit requests: the process string from OSS is parsed, its target resolved, or refused with IMM's messages."""

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
    """Parse a process string.

    An action other than `audio/convert` has no route here, as the service says of every action that can't
    run asynchronously. `sys/saveas` is required: a rendition has to go somewhere.

    Raises:
        ImmClientError: The string is invalid.
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
    """The conversion of a process string that `parse` accepted."""
    return _conversion(process.partition("|")[0])


@lru_cache(maxsize=256)  # a batch has a few
def _conversion(text: str) -> AudioConvert:
    return AudioConvert.parse(text)


def resolve(saveas: SaveAs, source: ObjectInfo, extension: str, now_ms: int) -> Target:
    """The target's bucket and key with every variable replaced.

    `{streamindex}` and `{index}` are those of the one audio stream there is: 0 and 1. A key without an
    extension gets the container's.

    Raises:
        ImmClientError: A variable, the bucket or the key is invalid.
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
    """IMM's error for a missing resource: an Attachment (bucket without project), a Route (unknown action)."""
    return ImmClientError(404, f"ResourceNotFound, The specified resource {kind} is not found. [{ids.request_id()}]")
