"""Clients that build an object from pieces: multipart uploads and appends, resumed after every kill."""

from __future__ import annotations

import random
from typing import Any

from tools.chaos_cloud.contents import VERSION_HEADER, History, content_of, problem_with
from tools.chaos_cloud.sdks import oss2, oss2_models
from tools.chaos_cloud.worker import Findings, Worker, bucket_of
from tools.cloud_process import CloudProcess

KEYS = 4
PARTS = 3
"""The largest number of parts of an upload."""

SMALLEST_PART = 100 << 10
LONGEST = 1 << 20
"""Bytes after which another object is appended to."""


class Multipart(Worker):
    """Uploads in parts. An acknowledged part is not lost, and the object appears whole, with the completion."""

    def __init__(self, name: str, cloud: CloudProcess, seed: int, findings: Findings) -> None:
        super().__init__(name, cloud, seed, findings)
        self.histories = [History(f"{name}/{number}") for number in range(KEYS)]
        self._bucket: Any = bucket_of(cloud)
        self._upload: str | None = None
        self._history = self.histories[0]
        self._parts: list[Any] = []
        self._version = 0
        self._completing = False

    def step(self) -> None:
        """Begin an upload, send a part, or complete it."""
        key = self._history.key
        try:
            if self._upload is None:
                self._begin()
            elif len(self._parts) < len(pieces := self._pieces()):
                piece = pieces[len(self._parts)]
                done = self._bucket.upload_part(key, self._upload, len(self._parts) + 1, piece)
                self._parts.append(oss2_models.PartInfo(len(self._parts) + 1, done.etag, size=len(piece)))
                self.findings.count("parts acknowledged")
            else:
                self._complete(self._upload)
        except oss2.exceptions.NoSuchUpload:
            if self._completing:  # it was completed, and the answer was lost: from now on the object must be there
                self._completed()
            else:
                self._upload = None
                self.findings.problem(f"{key}: the upload is lost, with {len(self._parts)} acknowledged parts")

    def _begin(self) -> None:
        history = self.random.choice(self.histories)
        while content_of(self.seed, history.key, history.attempted + 1) is None:
            history.attempted += 1  # this client deletes nothing
        version = history.attempted + 1
        self._upload = self._bucket.init_multipart_upload(history.key, headers={VERSION_HEADER: str(version)}).upload_id
        self._history, self._parts, self._completing = history, [], False
        self._version = version

    def _pieces(self) -> list[bytes]:
        content = content_of(self.seed, self._history.key, self._version) or b""
        size = max(SMALLEST_PART, len(content) // PARTS + 1)
        return [content[start : start + size] for start in range(0, len(content), size)] or [b""]

    def _complete(self, upload: str) -> None:
        key = self._history.key
        listed = {part.part_number: part.etag for part in self._bucket.list_parts(key, upload).parts}
        for part in self._parts:
            if listed.get(part.part_number) != part.etag:
                self.findings.problem(f"{key}: part {part.part_number} was acknowledged and is not listed")
        self._history.attempted = self._version
        self._completing = True
        self._bucket.complete_multipart_upload(key, upload, self._parts)
        self._completed()

    def _completed(self) -> None:
        self._history.acknowledged = self._version
        self._upload = None
        self.findings.count("multipart uploads completed")

    def check(self) -> None:
        """Compare every key with the uploads that were completed."""
        bucket = bucket_of(self.cloud)
        for history in self.histories:
            if problem := problem_with(self.seed, history, bucket, history.acknowledged, whole_md5=False):
                self.findings.problem(problem)
        bucket.session.session.close()

    def close(self) -> None:
        """Close the connections."""
        self._bucket.session.session.close()


class Appender(Worker):
    """Appends to one object after another. Each is a whole number of its pieces, the acknowledged ones among them."""

    def __init__(self, name: str, cloud: CloudProcess, seed: int, findings: Findings) -> None:
        super().__init__(name, cloud, seed, findings)
        self._bucket: Any = bucket_of(cloud)
        self._content = random.Random(f"{seed}/{name}/content").randbytes(2 * LONGEST)
        self._acknowledged = [0]
        self._attempted = [0]
        self._unsure = False

    def step(self) -> None:
        """Append one piece, or find out whether the last one was taken."""
        if self._unsure:
            self._recover()
            return
        position = self._acknowledged[-1]
        if position >= LONGEST:
            self._acknowledged.append(0)
            self._attempted.append(0)
            position = 0
        end = position + self.random.randint(1, 60_000)
        self._attempted[-1], self._unsure = end, True
        answer = self._bucket.append_object(self._key(), position, self._content[position:end])
        if answer.next_position != end:
            self.findings.problem(f"{self._key()}: appended up to {end}, answered was {answer.next_position}")
        self._acknowledged[-1], self._unsure = end, False
        self.findings.count("appends acknowledged")

    def _recover(self) -> None:
        """Find out whether a piece whose answer was lost was appended."""
        key, possible = self._key(), (self._acknowledged[-1], self._attempted[-1])
        try:
            length = self._bucket.head_object(key).content_length
        except oss2.exceptions.NotFound:
            length = 0
        if length not in possible:
            self.findings.problem(f"{key}: {length} bytes, possible are {possible[0]} and {possible[1]}")
        self._acknowledged[-1], self._unsure = length, False

    def _key(self, number: int = -1) -> str:
        return f"{self.name}/{number % len(self._acknowledged)}"

    def check(self) -> None:
        """Compare every object with the pieces that were acknowledged."""
        bucket = bucket_of(self.cloud)
        for number, (acknowledged, attempted) in enumerate(zip(self._acknowledged, self._attempted, strict=True)):
            try:
                body = bucket.get_object(self._key(number)).read()
            except oss2.exceptions.NoSuchKey:
                body = b""
            if len(body) not in (acknowledged, attempted) or body != self._content[: len(body)]:
                self.findings.problem(
                    f"{self._key(number)}: {len(body)} bytes, possible are {acknowledged} and {attempted}"
                )
        bucket.session.session.close()

    def close(self) -> None:
        """Close the connections."""
        self._bucket.session.session.close()
