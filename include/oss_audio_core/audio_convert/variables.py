"""Variables in the target of a conversion: `{dirname}/{barename}.{autoext}`.

The names are those of the pages "variables" (OSS) and "targeturi-template" (IMM). `{{` and `}}` stand for
single braces. `{dirname}` of an object at the root is empty and takes the slash after it along, so that
`{dirname}/{basename}` is `{key}` for every object, as the page says.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from oss_audio_core.audio_convert.errors import ParameterError

SOURCE_VARIABLES = ("bucket", "key", "dirname", "barename", "basename", "ext")
UPLOAD_TIME_VARIABLES = ("year", "mon", "day", "hour", "min", "sec")
TASK_TIME_VARIABLES = tuple(f"t_{name}" for name in UPLOAD_TIME_VARIABLES)
MEDIA_VARIABLES = ("autoext", "streamindex", "index")
SERVICE_VARIABLES = (*SOURCE_VARIABLES, *UPLOAD_TIME_VARIABLES, *TASK_TIME_VARIABLES, *MEDIA_VARIABLES)
"""What the service expands; besides, `{tags.KEY}` is the value of the source's tag KEY."""

TAG_PREFIX = "tags."

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")

_LITERAL = re.compile(r"(?:[^{}]|\{\{|\}\})*")


def expand(template: str, context: Mapping[str, str]) -> str:
    """Replace every variable of `template` by its value in `context` (tags under `tags.KEY`).

    Raises `ParameterError` for a lone brace or a variable that `context` does not have.
    """
    parts: list[str] = []
    take_slash = False
    for text, variable in _tokens(template, "variable"):
        if variable is None:
            parts.append(text.removeprefix("/") if take_slash else text)
            take_slash = False
            continue
        if variable not in context:
            raise ParameterError("variable", f"{{{variable}}}", _in_braces(sorted(context)))
        value = context[variable]
        parts.append(value)
        take_slash = variable == "dirname" and not value
    return "".join(parts)


def names(template: str, parameter: str = "variable") -> tuple[str, ...]:
    """The variables of `template` in order of appearance; raises `ParameterError` for a lone brace."""
    return tuple(variable for _, variable in _tokens(template, parameter) if variable is not None)


def check(parameter: str, template: str, known: tuple[str, ...] = SERVICE_VARIABLES, *, tags: bool = True) -> None:
    """Raise `ParameterError`, naming `parameter`, unless every variable of `template` is `known`.

    With `tags`, `tags.KEY` is known for every KEY.
    """
    for name in names(template, parameter):
        if name in known or (tags and name.startswith(TAG_PREFIX) and name != TAG_PREFIX):
            continue
        allowed = [*known, "tags.KEY"] if tags else [*known]
        raise ParameterError(parameter, f"{{{name}}}", f"the variables {_in_braces(allowed)}")


def escape(text: str) -> str:
    """`text` as a template that expands to exactly `text` (object keys may contain braces)."""
    return text.replace("{", "{{").replace("}", "}}")


def literal_head(template: str) -> str:
    """What every expansion of a template begins with: its text up to the first variable."""
    head = _LITERAL.match(template)
    return "" if head is None else head[0].replace("{{", "{").replace("}}", "}")


def source_variables(bucket: str, key: str) -> dict[str, str]:
    """The variables that describe the source object; `ext` comes without its dot."""
    dirname, _, basename = key.rpartition("/")
    barename, dotted = posixpath.splitext(basename)
    return {
        "bucket": bucket,
        "key": key,
        "dirname": dirname,
        "barename": barename,
        "basename": basename,
        "ext": dotted.removeprefix("."),
    }


def upload_time_variables(moment: datetime) -> dict[str, str]:
    """`year` to `sec` of the source's upload, in UTC, two digits but for the year."""
    return dict(zip(UPLOAD_TIME_VARIABLES, _digits(moment), strict=True))


def task_time_variables(moment: datetime) -> dict[str, str]:
    """`t_year` to `t_sec` of the task's creation, in UTC, two digits but for the year."""
    return dict(zip(TASK_TIME_VARIABLES, _digits(moment), strict=True))


def with_extension(key: str, extension: str) -> str:
    """The rule of the service: a target key without an extension gets that of the output container."""
    return key if posixpath.splitext(key)[1] else f"{key}.{extension}"


def _digits(moment: datetime) -> list[str]:
    return moment.astimezone(UTC).strftime("%Y %m %d %H %M %S").split()


def _in_braces(variables: list[str]) -> str:
    return " ".join(f"{{{name}}}" for name in variables)


def _tokens(template: str, parameter: str) -> Iterator[tuple[str, str | None]]:
    """Pairs (literal text, None) and ("", variable name)."""
    position = 0
    for match in _TOKEN.finditer(template):
        if match.start() > position:
            yield template[position : match.start()], None
        position = match.end()
        token = match.group()
        if token in {"{{", "}}"}:
            yield token[0], None
        elif match.group(1) is None:
            raise ParameterError(parameter, template, "braces in pairs ({{ and }} stand for single ones)")
        else:
            yield "", match.group(1)
    if position < len(template):
        yield template[position:], None
