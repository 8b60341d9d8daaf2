"""The whole process string: `audio/convert,… | sys/saveas,b_…,o_… / notify,topic_…`, in both directions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from oss_audio_core.audio_convert import base64url, variables
from oss_audio_core.audio_convert.convert import ACTION, AudioConvert, split_parameters
from oss_audio_core.audio_convert.errors import ParameterError

MAX_KEY_BYTES = 1023
"""The longest object key, in UTF-8 bytes (OSS, object naming)."""

_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", re.ASCII)
_TOPIC_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,119}", re.ASCII)
_OPERATIONS = "sys/saveas,o_…[,b_…] and notify,topic_…, each once"


@dataclass(frozen=True)
class SaveAs:
    """Where the output goes: `key` and `bucket`, templates (see `variables`); no bucket: the source's.

    A key that is meant literally goes through `SaveAs.literal`, for braces in it would be read as
    variables. Raises `ParameterError` for an empty key, an impossible bucket name or an unknown variable.
    """

    key: str
    bucket: str | None = None

    def __post_init__(self) -> None:
        if not self.key:
            raise ParameterError("saveas o", self.key, "an object key or a template of one")
        if self.bucket is not None:
            variables.check("saveas b", self.bucket)
            if not variables.names(self.bucket):
                check_bucket_name("saveas b", self.bucket)
        variables.check("saveas o", self.key)

    @classmethod
    def literal(cls, key: str, bucket: str | None = None) -> SaveAs:
        """A target that is exactly `key`, braces included; `ParameterError` if OSS can't store it."""
        check_object_key("saveas o", key)
        return cls(key=variables.escape(key), bucket=bucket)

    def render(self) -> str:
        """`saveas,b_…,o_…` in URL-safe base64 without padding."""
        bucket = "" if self.bucket is None else f"b_{base64url.encode(self.bucket)},"
        return f"saveas,{bucket}o_{base64url.encode(self.key)}"


@dataclass(frozen=True)
class ProcessRequest:
    """What the body of `POST /key?x-oss-async-process` says: convert, save, notify."""

    convert: AudioConvert
    saveas: SaveAs | None = None
    notify_topic: str | None = None

    def __post_init__(self) -> None:
        if self.notify_topic is not None and not _TOPIC_NAME.fullmatch(self.notify_topic):
            allowed = "an SMQ topic name: 1 to 120 letters, digits, - and _, a letter or digit first"
            raise ParameterError("notify topic", self.notify_topic, allowed)

    def render(self) -> str:
        """The process string, fit for the body as it is (it needs no URL encoding there)."""
        operations = []
        if self.saveas is not None:
            operations.append(self.saveas.render())
        if self.notify_topic is not None:
            operations.append(f"notify,topic_{base64url.encode(self.notify_topic)}")
        convert = self.convert.render()
        return f"{convert}|sys/{'/'.join(operations)}" if operations else convert

    @classmethod
    def parse(cls, text: str) -> ProcessRequest:
        """Read a process string as the service does.

        `chain ("|" chain)*`, the first an `audio/convert`, the others `sys/` with `saveas` and
        `notify` (in one chain or in two, as the documentation's samples have it). Raises
        `ParameterError`: for another action its `parameter` is `action`.
        """
        first, *chains = text.split("|")
        if not first.startswith(f"{ACTION},") and first != ACTION:
            raise ParameterError("action", "/".join(first.split(",")[0].split("/")[:2]), ACTION)
        if first.count("/") > ACTION.count("/"):
            allowed = f"none within {ACTION}; saveas and notify follow after |sys/"
            raise ParameterError("operation", first.split("/", 2)[2], allowed)
        operations: dict[str, list[str]] = {}
        for chain in chains:
            owner, *parts = chain.split("/")
            if owner != "sys" or not parts:
                raise ParameterError("operation", chain, _OPERATIONS)
            for part in parts:
                name, *parameters = part.split(",")
                if name not in {"saveas", "notify"} or name in operations:
                    raise ParameterError("operation", part, _OPERATIONS)
                operations[name] = parameters
        return cls(
            convert=AudioConvert.parse(first),
            saveas=_parse_saveas(operations["saveas"]) if "saveas" in operations else None,
            notify_topic=_parse_notify(operations["notify"]) if "notify" in operations else None,
        )


def check_bucket_name(parameter: str, name: str) -> None:
    """Raise `ParameterError` unless `name` follows OSS's rule for bucket names."""
    if not _BUCKET_NAME.fullmatch(name):
        allowed = "a bucket name: 3 to 63 lower-case letters, digits and hyphens, no hyphen at either end"
        raise ParameterError(parameter, name, allowed)


def check_object_key(parameter: str, key: str) -> None:
    """Check that OSS can store `key`: 1 to 1,023 bytes, and neither a slash nor a backslash first.

    Raises:
        ParameterError: OSS refuses such a key.
    """
    if not 1 <= len(key.encode()) <= MAX_KEY_BYTES:
        raise ParameterError(parameter, key, f"an object key of 1 to {MAX_KEY_BYTES} bytes in UTF-8")
    if key[0] in "/\\":
        raise ParameterError(parameter, key, "an object key that starts with neither / nor \\")


def _parse_saveas(parts: list[str]) -> SaveAs:
    found = split_parameters(parts, ("o", "b"), "saveas")
    if "o" not in found:
        raise ParameterError("saveas o", None, "the target's object key in URL-safe base64")
    bucket = base64url.decode("saveas b", found["b"]) if "b" in found else None
    return SaveAs(key=base64url.decode("saveas o", found["o"]), bucket=bucket)


def _parse_notify(parts: list[str]) -> str:
    found = split_parameters(parts, ("topic",), "notify")
    if "topic" not in found:
        raise ParameterError("notify topic", None, "an SMQ topic's name in URL-safe base64")
    return base64url.decode("notify topic", found["topic"])
