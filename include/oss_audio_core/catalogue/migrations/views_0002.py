"""The views as revision 0002 makes them, for SQLite and PostgreSQL alike; `views` has their columns' meanings."""

from __future__ import annotations

PUBLISHED_RENDITION = """
CREATE VIEW published_rendition AS
SELECT
    rendition.id AS id,
    rendition.bucket AS bucket,
    rendition.key AS key,
    rendition.profile AS profile,
    rendition.source_bucket AS source_bucket,
    rendition.source_key AS source_key,
    source.etag AS source_etag,
    source.size AS source_size,
    source.codec AS source_codec,
    source.sample_rate AS source_sample_rate,
    source.channels AS source_channels,
    source.duration AS source_duration,
    source.title AS title,
    source.artist AS artist,
    source.album AS album,
    rendition.container AS container,
    rendition.codec AS codec,
    rendition.sample_rate AS sample_rate,
    rendition.channels AS channels,
    rendition.bits_per_sample AS bits_per_sample,
    rendition.bitrate AS bitrate,
    rendition.duration AS duration,
    rendition.duration_exact AS duration_exact,
    rendition.samples AS samples,
    rendition.size AS size,
    source.size - rendition.size AS saved_bytes,
    rendition.loudness_lufs AS loudness_lufs,
    rendition.loudness_range_lu AS loudness_range_lu,
    rendition.true_peak_dbtp AS true_peak_dbtp,
    rendition.sample_peak_dbfs AS sample_peak_dbfs,
    rendition.silence_head AS silence_head,
    rendition.silence_tail AS silence_tail,
    rendition.etag AS etag,
    rendition.crc64 AS crc64,
    rendition.content_type AS content_type,
    rendition.verification AS verification,
    rendition.tags AS tags,
    rendition.waveform_uri AS waveform_uri,
    rendition.picture_uri AS picture_uri,
    conversion.process AS process,
    conversion.generation AS generation,
    conversion.attempt AS attempt,
    rendition.conversion_id AS conversion_id,
    rendition.source_id AS source_id,
    rendition.published_at AS published_at
FROM rendition
JOIN conversion ON conversion.id = rendition.conversion_id
JOIN source ON source.id = rendition.source_id
"""

SOURCE_LADDER = """
CREATE VIEW source_ladder AS
SELECT
    rendition.source_bucket AS source_bucket,
    rendition.source_key AS source_key,
    row_number() OVER (
        PARTITION BY rendition.source_bucket, rendition.source_key
        ORDER BY coalesce(rendition.bitrate, 0), rendition.size, rendition.id
    ) AS rung,
    count(*) OVER (PARTITION BY rendition.source_bucket, rendition.source_key) AS rungs,
    rendition.profile AS profile,
    rendition.bucket AS bucket,
    rendition.key AS key,
    rendition.content_type AS content_type,
    rendition.codec AS codec,
    rendition.bitrate AS bitrate,
    rendition.sample_rate AS sample_rate,
    rendition.channels AS channels,
    rendition.duration AS duration,
    rendition.size AS size,
    rendition.loudness_lufs AS loudness_lufs,
    rendition.true_peak_dbtp AS true_peak_dbtp,
    source.etag AS source_etag,
    source.size AS source_size,
    source.duration AS source_duration,
    rendition.id AS rendition_id,
    rendition.published_at AS published_at
FROM rendition
JOIN source ON source.id = rendition.source_id
"""

ATTEMPT_HISTORY = """
CREATE VIEW attempt_history AS
SELECT
    conversion_id, number, false AS is_current, state, task_id, output_bucket, output_key, submitted_at,
    ended_at AS changed_at, code, message
FROM attempt
UNION ALL
SELECT
    id, attempt, true, state, CASE WHEN submitted_at IS NULL THEN NULL ELSE task_id END, output_bucket, output_key,
    submitted_at, changed_at, code, message
FROM conversion
"""

VIEWS = {
    "published_rendition": PUBLISHED_RENDITION,
    "source_ladder": SOURCE_LADDER,
    "attempt_history": ATTEMPT_HISTORY,
}
"""By name, in the order in which they are made."""
