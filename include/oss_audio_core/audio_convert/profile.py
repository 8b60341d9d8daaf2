"""`Profile`: a named rendition, made of a conversion and of where its result is published."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from dataclasses import dataclass, field
from typing import Literal, get_args

from oss_audio_core.audio_convert import variables
from oss_audio_core.audio_convert.convert import AudioConvert
from oss_audio_core.audio_convert.errors import ParameterError
from oss_audio_core.audio_convert.formats import FORMATS
from oss_audio_core.audio_convert.process_request import check_bucket_name, check_object_key
from oss_audio_core.audio_convert.verify_policy import VerifyPolicy

Publish = Literal["staged", "direct"]
PUBLISH_MODES: tuple[Publish, ...] = get_args(Publish)

TARGET_VARIABLES = (*variables.SOURCE_VARIABLES, "autoext", "profile")
"""What a target template may use; all of it is known before the request is made."""

_BUCKET_VARIABLES = ("bucket", "profile")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", re.ASCII)
_BRACE = re.compile(r"[{}]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DISTINGUISHES_SOURCES = frozenset({"key", "basename", "barename"})


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One rendition that users pick by name.

    `target_key` is the template of the final object's key, `target_bucket` that of its bucket (none: the
    source's bucket); both are expanded on our side, with `TARGET_VARIABLES`. `publish` is `staged`
    (verify first, then copy to the final key) or `direct` (the service writes the final key at once).
    `verify` is how thoroughly its renditions are verified.

    Raises:
        ParameterError: a setting is wrong; names it (`name`, `target key`, `target bucket`, `publish`).
    """

    name: str
    description: str
    convert: AudioConvert
    target_key: str
    target_bucket: str | None = None
    publish: Publish = "staged"
    verify: VerifyPolicy = field(default_factory=VerifyPolicy)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            allowed = "1 to 64 lower-case letters, digits, . _ and -, a letter or digit at both ends"
            raise ParameterError("name", self.name, allowed)
        if self.publish not in PUBLISH_MODES:
            raise ParameterError("publish", self.publish, ", ".join(PUBLISH_MODES))
        self._check_target_key()
        self._check_target_bucket()

    def target_for(self, bucket: str, key: str) -> tuple[str, str]:
        """Bucket and key of this rendition of `oss://bucket/key`.

        Raises:
            ParameterError: the result can't be stored (a key over 1,023 bytes, an impossible bucket).
        """
        context = variables.source_variables(bucket, key)
        context |= {"autoext": self.convert.format.extension, "profile": self.name}
        target_key = variables.expand(self.target_key, context)
        check_object_key("target key", target_key)
        if self.target_bucket is None:
            return bucket, target_key
        target_bucket = variables.expand(self.target_bucket, context)
        check_bucket_name("target bucket", target_bucket)
        return target_bucket, target_key

    def digest(self) -> str:
        """SHA-256 (hex) of the output and its place; name, description, `publish` and `verify` change neither."""
        meaning = json.dumps([self.convert.digest(), self.target_bucket, self.target_key])
        return hashlib.sha256(meaning.encode()).hexdigest()

    def _check_target_key(self) -> None:
        template = self.target_key
        _check_template("target key", template, TARGET_VARIABLES)
        if template.startswith(("/", "\\")):
            raise ParameterError("target key", template, "a key that starts with neither / nor \\")
        if _DISTINGUISHES_SOURCES.isdisjoint(variables.names(template)):
            allowed = "a template with {key}, {basename} or {barename}, else all sources meet at one target"
            raise ParameterError("target key", template, allowed)
        # Without one the service would append its own, and the object would be at another key than the catalogue's.
        extension = posixpath.splitext(template)[1].removeprefix(".")
        if not extension or (extension != "{autoext}" and _BRACE.search(extension)):
            allowed = f"a key ending in .{{autoext}} or .{self.convert.format.extension}"
            raise ParameterError("target key", template, allowed)
        if extension in FORMATS and extension != self.convert.format.extension:
            allowed = f"an extension that fits f={self.convert.f}, such as .{self.convert.format.extension}"
            raise ParameterError("target key", template, allowed)

    def _check_target_bucket(self) -> None:
        if self.target_bucket is None:
            return
        _check_template("target bucket", self.target_bucket, _BUCKET_VARIABLES)
        if not variables.names(self.target_bucket):
            check_bucket_name("target bucket", self.target_bucket)


def _check_template(setting: str, template: str, known: tuple[str, ...]) -> None:
    if _CONTROL.search(template):
        # The seed's own samples end in an encoded newline, which would become part of the object's name.
        raise ParameterError(setting, template, "no control characters such as a newline")
    variables.check(setting, template, known, tags=False)
