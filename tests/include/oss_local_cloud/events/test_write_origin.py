"""The call behind a write is found in the context of that call, and nowhere else."""

from __future__ import annotations

import asyncio

from oss_local_cloud.events.write_origin import WriteOrigin, as_current, current_origin


def test_outside_of_a_call_a_write_is_a_put_by_the_service() -> None:
    assert current_origin().operation == "PutObject"
    assert current_origin().source_address == "127.0.0.1"


async def test_concurrent_calls_have_their_own_origins_in_threads_too() -> None:
    async def call(operation: str) -> str:
        with as_current(WriteOrigin(operation)):
            await asyncio.sleep(0)
            return (await asyncio.to_thread(current_origin)).operation

    assert await asyncio.gather(call("CopyObject"), call("AppendObject")) == ["CopyObject", "AppendObject"]
    assert current_origin().operation == "PutObject"
