"""The options of a plan are those of the request, one by one."""

from __future__ import annotations

from dataclasses import fields

from oss_audio_core.pipeline.batch_request import BatchRequest
from oss_audio_core.pipeline.candidates import Order
from oss_audio_core.pipeline.plan_options import PlanOptions


def test_a_request_hands_all_its_options_on() -> None:
    given = {
        "leftovers": False,
        "force": True,
        "limit": 3,
        "max_attempts": 7,
        "order": Order.NEWEST,
        "never_degrade": True,
        "dry_run": True,
    }
    request = BatchRequest("media", profiles=("mobile-mp3",), **given)
    assert request.plan_options() == PlanOptions(**given)
    # What a request doesn't know of is for single conversions alone, or the deployment's.
    assert {one.name for one in fields(PlanOptions)} - given.keys() == {"retry_now", "shards"}
