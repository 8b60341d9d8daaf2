"""Comments of tables (under the name "") and columns as revision 0005 changes them: before and after."""

from __future__ import annotations

from collections.abc import Mapping

COMMENTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "batch": {
        "": (
            "One for every run of a DAG",
            "One row for every run of a DAG",
        ),
        "id": (
            "key; what XCom carries",
            "primary key; XCom carries it",
        ),
        "name": (
            "dag_id/run_id: a cleared run finds its batch",
            "dag_id/run_id; a cleared run finds its batch by it",
        ),
        "uid": (
            "random part of the staging keys: never met twice",
            "random part of the staging keys, unique to this batch",
        ),
        "params": (
            "what the run was asked for",
            "the request of the run, as JSON",
        ),
        "listed": (
            "objects the selection matched",
            "count of objects that the selection matched",
        ),
        "passed_over": (
            "objects left out while listing, by reason",
            "counts of objects left out of the listing, by reason",
        ),
        "decisions": (
            "what planning decided, counted by decision",
            "counts of planned conversions, by decision",
        ),
        "dry_run": (
            "planned only to be looked at",
            "true: planned without submitting anything",
        ),
        "created_at": (
            "UTC; when the run opened it",
            "UTC; when the run opened the batch",
        ),
        "planned_at": (
            "UTC; null before; from then on the batch keeps its plan",
            "UTC; when it was planned, after which the plan doesn't change; null: not planned yet",
        ),
        "reported_at": (
            "UTC; null before",
            "UTC; when it was reported; null: not reported yet",
        ),
    },
    "listing": {
        "": (
            "What one batch's listing saw; emptied when the batch is planned",
            "The objects that a batch listed; its rows are removed when the batch is planned",
        ),
        "batch_id": (
            "whose listing saw it",
            "the batch that listed the object",
        ),
        "bucket": (
            "of the object",
            "bucket of the object",
        ),
        "key": (
            "of the object",
            "key of the object",
        ),
        "etag": (
            "without its quotes",
            "of the object, without quotes",
        ),
        "last_modified": (
            "UTC, by OSS's own clock",
            "UTC, by the clock of OSS",
        ),
    },
    "source": {
        "": (
            "One for every content that was ever seen at a key",
            "One row for every content that was ever listed at a key",
        ),
        "id": (
            "key",
            "primary key",
        ),
        "bucket": (
            "of the object",
            "bucket of the object",
        ),
        "key": (
            "of the object",
            "key of the object",
        ),
        "etag": (
            "one row per content: a changed object is another source",
            "of the content; a changed object is another source",
        ),
        "last_modified": (
            "by OSS's own clock",
            "UTC, by the clock of OSS",
        ),
        "first_listed_at": (
            "UTC; when a listing first saw this content",
            "UTC; when this content was first listed",
        ),
        "probe": (
            "what probing the source found; null before",
            "result of probing the source; null: not probed",
        ),
        "inspection": (
            "what decoding all of it found; null: it was not decoded",
            "result of decoding the whole source; null: not decoded",
        ),
        "codec": (
            "FFmpeg's name; null before it is probed, as for what follows",
            "FFmpeg's name; null, like the columns that follow: not probed",
        ),
        "title": (
            "of the file's own tags, as artist and album; null: the file has none",
            "from the file's tags, as artist and album are; null: the file has none",
        ),
        "artist": (
            "of the file's own tags",
            "from the file's tags",
        ),
        "album": (
            "of the file's own tags",
            "from the file's tags",
        ),
    },
    "conversion": {
        "": (
            "One generation of a source as one rendition: what is asked for, and where it stands",
            "One row for each generation of a source as one rendition: the request and its state",
        ),
        "id": (
            "key; part of the staging key",
            "primary key; part of the staging key",
        ),
        "source_id": (
            "the content it reads",
            "the content that is converted",
        ),
        "bucket": (
            "of the source",
            "bucket of the source",
        ),
        "key": (
            "of the source",
            "key of the source",
        ),
        "profile": (
            "name of the rendition",
            "name of the rendition: a profile's, a clip's, or oss://… of a single conversion",
        ),
        "digest": (
            "of the profile's parameters and target template",
            "digest of the profile's parameters and target template",
        ),
        "process": (
            "audio/convert,… as it is submitted",
            "the action that is submitted: audio/convert,…",
        ),
        "target_bucket": (
            "where the rendition ends up",
            "bucket of the published rendition",
        ),
        "target_key": (
            "where the rendition ends up; empty: impossible",
            "key of the published rendition; empty: the template gives none",
        ),
        "publish": (
            "staged: verified, then copied; direct: written in place",
            "staged: verified at a staging key, then copied; direct: written to the final key",
        ),
        "generation": (
            "1, 2, … of this source, profile and target bucket",
            "1, 2, … per source, profile and target bucket",
        ),
        "newest": (
            "whether no later generation is planned",
            "true: no later generation is planned",
        ),
        "state": (
            "planned, submitting, submitted, converted, …: see states.py",
            "planned, submitting, submitted, converted, verified, published, failed, dead, "
            "quarantined, superseded, skipped or cancelled",
        ),
        "attempt": (
            "grows only after a proven failure",
            "1, 2, …; grows when a failed conversion is planned again",
        ),
        "max_attempts": (
            "after so many failures it is dead",
            "number of failures after which the conversion is given up",
        ),
        "retry_at": (
            "a failed conversion is planned again only after this",
            "UTC; a failed conversion isn't planned again before this time",
        ),
        "claimed_at": (
            "when it was claimed for its last submit: the task of that is not older",
            "UTC; when it was claimed for its last submit; that submit's task is not older",
        ),
        "token": (
            "of the claim that may write this row while it is submitted",
            "of the claim that holds this row while it is submitted",
        ),
        "lease_until": (
            "end of that claim; then the submit is reconciled",
            "UTC; end of the claim; a submit without an answer is reconciled then",
        ),
        "endpoint": (
            "the service that this attempt was submitted to; null: none yet",
            "OSS endpoint that this attempt was submitted to; null: not submitted",
        ),
        "output_bucket": (
            "where this attempt writes",
            "bucket that this attempt writes to",
        ),
        "output_key": (
            "a key of this attempt alone (staged), or the target key (direct)",
            "staging key of this attempt alone, or the target key (direct); null: the staged object was removed",
        ),
        "task_id": (
            "IMM's name of the task; null before it is submitted",
            "TaskId of IMM; null: not submitted",
        ),
        "submitted_at": (
            "UTC; when the service accepted this attempt",
            "UTC; when IMM accepted this attempt",
        ),
        "deadline_at": (
            "absolute; later than this the conversion has failed",
            "UTC; a conversion that is not finished by then has failed",
        ),
        "output_etag": (
            "of the bytes that were verified",
            "ETag of the bytes that were verified",
        ),
        "output_size": (
            "bytes that were verified",
            "size of the bytes that were verified",
        ),
        "measured": (
            "what probing the output found",
            "result of probing or decoding the output; null: not verified",
        ),
        "code": (
            "of the failure, the service's own where it gave one",
            "error code of the failure, the service's own where it gave one",
        ),
        "message": (
            "the reason, in words",
            "the reason, as a sentence",
        ),
    },
    "attempt": {
        "": (
            "Attempts that failed and were followed by another one; the current one is in conversion",
            "Failed attempts that were followed by another one; the current attempt is in conversion",
        ),
        "conversion_id": (
            "whose attempt it was",
            "the conversion of the attempt",
        ),
        "state": (
            "failed or quarantined",
            "failed, quarantined or dead",
        ),
        "task_id": (
            "IMM's name of the task; null: nothing was accepted",
            "TaskId of IMM; null: no task was accepted",
        ),
        "output_bucket": (
            "where it wrote",
            "bucket that it wrote to",
        ),
        "output_key": (
            "where it wrote; null: nothing stands there any more",
            "key that it wrote to; null: the staged object was removed",
        ),
        "submitted_at": (
            "UTC; when the service accepted it",
            "UTC; when IMM accepted it",
        ),
        "ended_at": (
            "UTC; when it was known to have failed",
            "UTC; when the failure was recorded",
        ),
        "code": (
            "of the failure, the service's own where it gave one",
            "error code of the failure, the service's own where it gave one",
        ),
        "message": (
            "the reason, in words",
            "the reason, as a sentence",
        ),
        "measured": (
            "what probing the output found; null: it was not probed",
            "result of probing or decoding the output; null: not verified",
        ),
    },
    "check_result": {
        "": (
            "Every check of every attempt's output",
            "The checks of every attempt's output",
        ),
        "conversion_id": (
            "whose output was checked",
            "the conversion whose output was checked",
        ),
        "attempt": (
            "which of its attempts",
            "the attempt whose output was checked",
        ),
        "ordinal": (
            "0, 1, … in the order of checking",
            "0, 1, … in the order of the checks",
        ),
        "name": (
            "codec, sample_rate, duration, …: docs/verification.md",
            "codec, sample_rate, duration, …; see docs/verification.md",
        ),
        "expected": (
            "in words, with unit and tolerance",
            "the expected value, with unit and tolerance",
        ),
        "measured": (
            "in words, with unit",
            "the measured value, with unit",
        ),
        "verdict": (
            "passed, failed, or what else verification says of it",
            "passed, failed, or another verdict of verification",
        ),
    },
    "batch_conversion": {
        "": (
            "Which batches want a conversion; a second one joins the first",
            "The conversions of each batch; a second batch joins a conversion that is under way",
        ),
        "batch_id": (
            "the batch that wants it",
            "the batch that wants the conversion",
        ),
        "conversion_id": (
            "what it wants",
            "the conversion",
        ),
        "shard": (
            "0, 1, …: which of the batch's mapped tasks handles it",
            "0, 1, …; number of the mapped task that handles it",
        ),
        "decision": (
            "why the batch wants it: new, changed, joined, …",
            "why the batch wants it: new, source changed, joined, …",
        ),
    },
    "notification": {
        "": (
            "The inbox: every message of the queue, once per task and status; a hint, never the truth",
            "The inbox: every message of the queue, once per task and status",
        ),
        "id": (
            "key",
            "primary key",
        ),
        "queue": (
            "where it came from",
            "queue that the message came from",
        ),
        "message_id": (
            "SMQ's",
            "MessageId of SMQ",
        ),
        "task_id": (
            "null when the message could not be decoded",
            "TaskId of IMM; null: the message can't be decoded",
        ),
        "status": (
            "Succeeded, Failed, …",
            "of the task: Succeeded, Failed, …",
        ),
        "code": (
            "of a failure, the service's own",
            "error code of a failure, the service's own",
        ),
        "message": (
            "the service's reason, or why the message could not be decoded",
            "reason of a failure, or of a message that can't be decoded",
        ),
        "body": (
            "raw bytes, kept only if undecodable",
            "raw bytes of a message that can't be decoded; else null",
        ),
        "received_at": (
            "UTC",
            "UTC; when the message was stored",
        ),
    },
    "rendition": {
        "": (
            "Verified renditions that stand at their final keys",
            "Verified renditions at their final keys",
        ),
        "id": (
            "key",
            "primary key",
        ),
        "bucket": (
            "of the object",
            "bucket of the object",
        ),
        "key": (
            "of the object",
            "key of the object",
        ),
        "conversion_id": (
            "which made it",
            "the conversion that made it",
        ),
        "source_id": (
            "the content it was made of",
            "the content that it was made of",
        ),
        "profile": (
            "as the conversion's",
            "profile of the conversion",
        ),
        "sample_rate": (
            "Hz; of opus that of the encoder's input",
            "Hz; of opus the rate of the encoder's input",
        ),
        "etag": (
            "of the object at its final key",
            "ETag of the object at its final key",
        ),
        "published_at": (
            "UTC",
            "UTC; when it was published",
        ),
        "source_bucket": (
            "of the source",
            "bucket of the source",
        ),
        "source_key": (
            "of the source",
            "key of the source",
        ),
        "container": (
            "FFmpeg's name of the demuxer; null: not recorded, as for what follows",
            "FFmpeg's name of the demuxer; null, like the columns that follow: not recorded",
        ),
        "content_type": (
            "of the object",
            "content type of the object",
        ),
        "bits_per_sample": (
            "bits; of flac only",
            "bits; flac only",
        ),
        "samples": (
            "decoded samples per channel; null: it was not decoded whole",
            "decoded samples per channel; null: not decoded whole",
        ),
        "verification": (
            "how it was verified: probe, decode or sample",
            "how it was verified: probe or decode",
        ),
        "tags": (
            "object tags that were set with it, {name: value}",
            "object tags that were set with the copy, {name: value}",
        ),
        "waveform_uri": (
            "oss://… of the peaks, when they are written next to the rendition",
            "oss://… of the waveform sidecar; null: there is none",
        ),
        "picture_uri": (
            "oss://… of the picture (PNG), when one was asked for",
            "oss://… of the picture sidecar (PNG); null: there is none",
        ),
        "waveform": (
            "the peaks, when they are kept in the catalogue",
            "the waveform's peaks; null: not kept in the catalogue",
        ),
    },
    "export": {
        "": (
            "Parquet files that were written",
            "One row for every Parquet file that was written",
        ),
        "id": (
            "key",
            "primary key",
        ),
        "batch_id": (
            "whose run; null: of everything",
            "the batch whose renditions were exported; null: all renditions",
        ),
        "uri": (
            "where the Parquet file is; a rerun overwrites it",
            "address of the Parquet file; a rerun overwrites it",
        ),
        "exported_at": (
            "UTC",
            "UTC; when the file was written",
        ),
    },
    "lease": {
        "": (
            "Named roles that one process holds at a time, such as draining a queue",
            "Roles that one process holds at a time, such as draining a queue",
        ),
        "name": (
            "of the role",
            "name of the role",
        ),
        "owner": (
            "random; of the process that holds it",
            "random id of the process that holds the lease",
        ),
        "until": (
            "UTC; then anybody may take it",
            "UTC; end of the lease, after which another process may take it",
        ),
    },
}
