"""Clients of the object API: one overwrites and deletes its keys, others read them meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tools.chaos_cloud.contents import VERSION_HEADER, History, content_of, problem_with
from tools.chaos_cloud.worker import Findings, Worker, bucket_of
from tools.cloud_process import CloudProcess

KEYS = 12


class Writer(Worker):
    """Puts and deletes over oss2. What was acknowledged is there afterwards, whole, or what was written later."""

    def __init__(self, name: str, cloud: CloudProcess, seed: int, findings: Findings) -> None:
        super().__init__(name, cloud, seed, findings)
        self.histories = [History(f"{name}/{number}") for number in range(KEYS)]
        self._bucket: Any = bucket_of(cloud)

    def step(self) -> None:
        """Put or delete one key."""
        history = self.random.choice(self.histories)
        history.attempted += 1
        version = history.attempted
        content = content_of(self.seed, history.key, version)
        if content is None:
            self._bucket.delete_object(history.key)
            self.findings.count("deletions acknowledged")
        else:
            self._bucket.put_object(history.key, content, headers={VERSION_HEADER: str(version)})
            self.findings.count("PUTs acknowledged")
        history.acknowledged = version

    def check(self) -> None:
        """Compare every key, and the listing, with what was acknowledged."""
        bucket = bucket_of(self.cloud)
        for history in self.histories:
            if problem := problem_with(self.seed, history, bucket, history.acknowledged):
                self.findings.problem(problem)
        listed = {entry.key for entry in bucket.list_objects_v2(prefix=self.name + "/", max_keys=1000).object_list}
        for history in self.histories:
            if history.key in listed and not bucket.object_exists(history.key):
                self.findings.problem(f"{history.key}: listed, but missing")
        bucket.session.session.close()

    def close(self) -> None:
        """Close the connections."""
        self._bucket.session.session.close()


class Reader(Worker):
    """Reads what writers write, while they do: a GET shows no part, and nothing older than what was acknowledged."""

    def __init__(
        self, name: str, cloud: CloudProcess, seed: int, findings: Findings, writers: Sequence[Writer]
    ) -> None:
        super().__init__(name, cloud, seed, findings)
        self._histories = [history for writer in writers for history in writer.histories]
        self._bucket: Any = bucket_of(cloud)

    def step(self) -> None:
        """Read one key."""
        history = self.random.choice(self._histories)
        if problem := problem_with(self.seed, history, self._bucket, history.acknowledged):
            self.findings.problem(f"while reading: {problem}")
        self.findings.count("objects read meanwhile")

    def check(self) -> None:
        """Nothing to do: each read is compared at once."""

    def close(self) -> None:
        """Close the connections."""
        self._bucket.session.session.close()
