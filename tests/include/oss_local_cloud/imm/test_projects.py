"""The table of IMM projects."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from oss_local_cloud.imm import projects
from oss_local_cloud.imm.projects import Project


def test_projects_are_added_once_found_and_listed_by_prefix() -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(projects.SCHEMA)
        made = [Project(name, "", "role", 1) for name in ("a1", "a2", "b_", "b%")]
        assert [projects.add(db, project) for project in made] == [True] * 4
        assert projects.add(db, Project("a1", "other", "role", 2)) is False
        assert projects.find(db, "a1") == made[0]
        assert projects.find(db, "none") is None
        assert projects.listing(db, prefix="a", after="", limit=1) == made[:1]
        assert projects.listing(db, prefix="a", after="a1", limit=9) == made[1:2]
        assert [project.name for project in projects.listing(db, prefix="b%", after="", limit=9)] == ["b%"]
        db.close()
