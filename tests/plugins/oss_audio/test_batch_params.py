"""The Params of a batch: the form refuses what the operators would, and what it takes reaches them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.sdk.exceptions import ParamValidationError

from oss_audio.batch_params import SELECTION, batch_params, requeue_params
from oss_audio.operators.list_sources import OSSAudioListOperator
from oss_audio_core.pipeline.batch_request import BatchRequest
from oss_audio_core.pipeline.candidates import Order

INTERVAL = (
    pendulum.datetime(2026, 11, 20, 18, tz="UTC"),
    pendulum.datetime(2026, 11, 21, 2, tz="Asia/Shanghai").add(days=1),
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bucket", ""),
        ("bucket", None),
        ("profiles", "mobile-mp3"),
        ("start", -1),
        ("start", "0"),
        ("duration", 1.5),
        ("force", "no"),
        ("limit", 0),
        ("order", "oldest"),
        ("min_size", -1),
        ("max_age", -1),
        ("failure_threshold", 101),
        ("failure_threshold", None),
    ],
)
def test_the_form_refuses_bad_values(name: str, value: Any) -> None:
    param = batch_params()[name]
    assert param.resolve() == param.value
    with pytest.raises(ParamValidationError):
        param.resolve(value)


@pytest.mark.parametrize(
    ("entered", "request_"),
    [
        ({}, BatchRequest("media", profiles=("mobile-mp3",))),
        (
            {
                "bucket": "music",
                "prefix": "in/",
                "include": "in/*.wav",
                "exclude": ["*/old/*", "in/x*"],
                "profiles": ["archive-flac", "voice-amr-nb"],
                "start": 1000,
                "duration": 500,
                "force": True,
                "dry_run": True,
                "limit": 3,
                "order": "newest",
                "min_size": 44,
                "max_size": 1000,
                "interval_only": True,
                "restore": True,
            },
            BatchRequest(
                "music",
                ("in/",),
                include=("in/*.wav",),
                exclude=("*/old/*", "in/x*"),
                profiles=("archive-flac", "voice-amr-nb"),
                start=1000,
                duration=500,
                force=True,
                dry_run=True,
                limit=3,
                order=Order.NEWEST,
                min_size=44,
                max_size=1000,
                modified_from=INTERVAL[0],
                modified_before=INTERVAL[1],
                restore=True,
            ),
        ),
    ],
    ids=["the form as it is", "everything filled in"],
)
def test_what_the_form_says_reaches_the_listing(entered: dict[str, Any], request_: BatchRequest) -> None:
    task = OSSAudioListOperator(task_id="list", **SELECTION)
    params = {name: param.resolve() for name, param in batch_params().items()} | entered
    context = {"params": params, "data_interval_start": INTERVAL[0], "data_interval_end": INTERVAL[1]}
    task.render_template_fields(context)
    assert task._request() == request_


def test_a_profile_that_publishes_into_staging_is_an_import_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.yaml").write_text(
        "profiles:\n  mobile-mp3: {description: d, convert: {f: mp3}, target: {key: '.staging/{key}.mp3'}}\n"
    )
    monkeypatch.setenv("OSS_AUDIO_PROFILE_FOLDER", str(tmp_path))
    for params in (batch_params, requeue_params):
        with pytest.raises(ValueError, match=r"profile mobile-mp3: target key is '\.staging/\{key\}\.mp3'; allowed"):
            params()
