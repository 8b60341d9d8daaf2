"""A process that makes the moves it reads, in competition with another one: a JSON document a line, in and out."""

from __future__ import annotations

import json
import sys
from datetime import timedelta

from sqlalchemy.engine import Connection

from oss_audio_core.catalogue import Verb, open_catalogue
from oss_audio_core.catalogue.conversions import Attempt, claim, move, retry, revive
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.inbox import fail
from oss_audio_core.catalogue.states import MOVES, Guard


def make(connection: Connection, verb: Verb, row: int, held: str, name: str) -> int:
    """Make one move as the product makes it. Returns how many rows moved."""
    if verb in {Verb.CLAIM, Verb.RECLAIM}:
        until = now() + timedelta(hours=1)
        return len(claim(connection, verb, [row], token=name, lease_until=until, endpoint="e"))
    if verb is Verb.RETRY:
        return retry(connection, [row])
    if verb is Verb.REVIVE:
        return revive(connection, [row], attempts=1)
    if verb is Verb.FAIL:
        return fail(connection, Attempt(row, 1), name, "said the test")
    which = Attempt(row, 1) if Guard.ATTEMPT in MOVES[verb].guards else row
    return move(connection, verb, which, held=held)


def main() -> None:
    """Make `verb` on each of `rows`, a transaction each; answer with how many rows each of them moved."""
    name, url = sys.argv[1:]
    catalogue = open_catalogue(url)
    for line in sys.stdin:
        asked = json.loads(line)
        moved = []
        for row in asked["rows"]:
            with catalogue.write() as connection:
                moved.append(make(connection, Verb(asked["verb"]), row, asked["held"], name))
        sys.stdout.write(json.dumps(moved) + "\n")
        sys.stdout.flush()
    catalogue.close()


if __name__ == "__main__":
    main()
