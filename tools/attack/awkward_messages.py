"""Messages as anybody may publish them who may publish at all: forged, oversized, wrapped, mutated."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Sequence
from typing import Any

MOST_BYTES = 65_000
"""SMQ takes 65,536."""

STATUSES = ("Failed", "Failed", "Succeeded", "Running", "Canceled", "", "F" * 9000, None, 7)
TEXTS: tuple[Any, ...] = (
    "",
    "no such key",
    "x" * 40_000,
    "\x00",
    "\ud800",
    "歌\u202e",
    "<b>|`",
    "\x1b[2J",
    None,
    1e308,
    [[]],
)


def awkward_message(task_ids: Sequence[str], chance: random.Random) -> str:
    """One message; half of them are about a task of `task_ids`."""
    body = chance.choice((_forged, _forged, _forged, _oversized, _wrapped, _mutated, _noise))(task_ids, chance)
    return body[: MOST_BYTES // 4] if len(body.encode("utf-8", "replace")) > MOST_BYTES else body


def _task(task_ids: Sequence[str], chance: random.Random) -> dict[str, Any]:
    known = chance.choice(task_ids) if task_ids and chance.random() < 0.7 else f"MediaConvert-{chance.random()}"
    task_id = chance.choice((known, known, known, known, "7" * 8000, known + "\x00", 7, None, [known], ""))
    task: dict[str, Any] = {"TaskType": "MediaConvert", "TaskId": task_id, "Status": chance.choice(STATUSES)}
    for name in ("Code", "Message", "ProjectName", "EndTime", "UserData"):
        if chance.random() < 0.6:
            task[name] = chance.choice(TEXTS)
    return task


def _forged(task_ids: Sequence[str], chance: random.Random) -> str:
    return json.dumps(_task(task_ids, chance))


def _oversized(task_ids: Sequence[str], chance: random.Random) -> str:
    many = [{"URI": chance.choice(("a", "oss://b/k", "", "oss://" + "k" * 20))}] * chance.choice((3, 300, 1100))
    return json.dumps({**_task(task_ids, chance), "Sources": many, "Targets": many})


def _wrapped(task_ids: Sequence[str], chance: random.Random) -> str:
    text = _forged(task_ids, chance)
    for _ in range(chance.randint(1, 10)):
        if len(text) > MOST_BYTES // 3:
            break
        match chance.randrange(4):
            case 0:
                text = base64.b64encode(text.encode("utf-8", "replace")).decode()
            case 1:
                text = json.dumps({chance.choice(("content", "data", "Message", "other")): text})
            case 2:
                text = (
                    "<Notification><Message>"
                    + text.replace("&", "&amp;").replace("<", "&lt;")
                    + "</Message></Notification>"
                )
            case _:
                text = chance.choice(("[", "{", "<a>")) * chance.choice((1, 2000)) + text
    return text


def _mutated(task_ids: Sequence[str], chance: random.Random) -> str:
    text = list(_forged(task_ids, chance)[:4000])
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(text))
        text[at] = chance.choice(('"', "\\", "{", "}", "[", ",", "\x7f", "歌", "", "0"))
    return "".join(text) or "x"


def _noise(task_ids: Sequence[str], chance: random.Random) -> str:
    return "".join(chr(chance.choice((chance.randrange(32, 127), chance.randrange(0xA0, 0xD7FF)))) for _ in range(200))
