"""A key is compared with its history: what may be there is no problem, anything else is."""

from __future__ import annotations

from typing import Any

from tools.chaos_cloud.contents import VERSION_HEADER, History, content_of, problem_with

SEED = 7


def put(bucket: Any, key: str, version: int, content: bytes | None = None) -> None:
    whole = content_of(SEED, key, version)
    assert whole is not None
    bucket.put_object(key, whole if content is None else content, headers={VERSION_HEADER: str(version)})


def test_a_possible_version_is_no_problem(bucket: Any):
    history = History("fine", acknowledged=2, attempted=3)
    for version in (2, 3):
        put(bucket, "fine", version)
        assert problem_with(SEED, history, bucket, 2) is None
    assert problem_with(SEED, History("never written"), bucket, 0) is None
    assert problem_with(SEED, History("deleted", 8, 8), bucket, 8) is None


def test_an_impossible_version_is_found(bucket: Any):
    assert "lost" in str(problem_with(SEED, History("lost", 1, 2), bucket, 1))
    put(bucket, "old", 1)
    assert "version 1 is there" in str(problem_with(SEED, History("old", 2, 3), bucket, 2))
    put(bucket, "torn", 1, (content_of(SEED, "torn", 1) or b"")[:-1])
    assert "damaged" in str(problem_with(SEED, History("torn", 1, 1), bucket, 1))
    put(bucket, "undead", 7)
    assert "version 7 is there" in str(problem_with(SEED, History("undead", 8, 8), bucket, 8))
