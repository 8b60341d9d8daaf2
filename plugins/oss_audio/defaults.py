"""What this deployment has set for every batch of every DAG: the defaults of `batch_pipeline` and the operators.

Limits and folders hold only if all DAGs agree on them. They are read once, when a process loads its first DAG file. A
wrong setting is shown as that file's import error.
"""

from __future__ import annotations

import os
from pathlib import Path

from oss_audio.deployment import (
    choice,
    is_set,
    number,
    percent,
    refuse_unknown,
    setting,
    setting_or_empty,
    switch,
)
from oss_audio_core.pipeline.sharding import DEFAULT_LIMITS

# A misspelt setting would keep its default without a word.
refuse_unknown()

SMQ_CONNECTION = "smq_default"
_TOPIC, _QUEUE = setting("TOPIC") or None, setting("QUEUE") or None
STAGING_PREFIX = setting("STAGING_PREFIX", ".staging/")
DEFAULT_CATALOGUE_PREFIX = "catalogue/"
CATALOGUE_PREFIX = setting_or_empty("CATALOGUE_PREFIX", DEFAULT_CATALOGUE_PREFIX)
"""Set, but empty: nothing is exported."""

EXPORT_IS_OPTIONAL = not is_set("CATALOGUE_PREFIX")
"""Whether the folder of exports is one that nothing asked for: without pyarrow there is no file, and no failure."""

MANIFESTS = switch("MANIFESTS")
REPORTS = setting("REPORTS", str(Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "reports"))
EMPTY_LISTING = choice("EMPTY_LISTING", "fail", "warn")
FAILURE_THRESHOLD = percent("FAILURE_THRESHOLD", 5.0)
PRICES = setting("PRICES") or None
MAX_IN_FLIGHT = number("MAX_IN_FLIGHT", int)
MAX_PER_SECOND = number("MAX_PER_SECOND", float)
SHARD_SIZE = number("SHARD_SIZE", int) or DEFAULT_LIMITS.conversions
SHARD_MINUTES = number("SHARD_MINUTES", float) or DEFAULT_LIMITS.minutes


def topic_of(given: str | None, smq_conn_id: str | None) -> str | None:
    """A topic that was given or, for the deployment's own connection, set; None or empty: what the connection names."""
    return _TOPIC if given is None and smq_conn_id == SMQ_CONNECTION else given


def queue_of(given: str | None, smq_conn_id: str | None) -> str | None:
    """The same for a queue."""
    return _QUEUE if given is None and smq_conn_id == SMQ_CONNECTION else given
