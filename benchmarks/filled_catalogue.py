"""A catalogue of any number of renditions, written by SQL, for the catalogue's benchmark."""

from __future__ import annotations

import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue

PROFILES = 4
"""Profiles, and so renditions of each source."""

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {last}) "
"""A number in every row, from 0. Keys, times and sizes are spread as a library's are."""

_FILL = (
    """
    INSERT INTO source (id, bucket, key, etag, size, last_modified, first_listed_at, codec, sample_rate, channels,
                        duration, title, artist, album)
    {sources}
    SELECT i + 1, 'media', printf('library/%04d/%03d/track-%07d.wav', i * 7919 % 997, i * 31 % 499, i),
           printf('%032X', i), 30000000 + i % 1000, '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000',
           'pcm_s16le', 44100, 2, 180.0 + i % 100, printf('Title %d', i), printf('Artist %d', i % 5000),
           printf('Album %d', i % 20000)
    FROM n
    """,
    """
    INSERT INTO conversion (id, source_id, bucket, key, profile, digest, process, target_bucket, target_key, publish,
                            generation, newest, state, attempt, max_attempts, task_id, created_at, changed_at)
    {renditions}
    SELECT i + 1, i / 4 + 1, 'media', source.key, printf('profile-%d', i % 4), 'd',
           'audio/convert,f_mp3,ab_128000', 'media', printf('renditions/profile-%d/%s.mp3', i % 4, source.key),
           'staged', 1, 1, 'published', 1, 3, printf('task-%d', i),
           '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000'
    FROM n JOIN source ON source.id = i / 4 + 1
    """,
    """
    INSERT INTO rendition (id, bucket, key, conversion_id, source_id, source_bucket, source_key, profile, codec,
                           sample_rate, channels, duration, bitrate, size, etag, published_at, container,
                           content_type, samples, duration_exact, verification, loudness_lufs,
                           loudness_range_lu, true_peak_dbtp, sample_peak_dbfs,
                           silence_head, silence_tail, crc64, tags)
    {renditions}
    SELECT conversion.id, 'media', conversion.target_key, conversion.id, conversion.source_id,
           conversion.bucket, conversion.key, conversion.profile,
           'mp3', 44100, 2, 180.0 + i % 100, 128000, 2880000 + i % 1000, printf('%032X', i),
           strftime('%Y-%m-%d %H:%M:%S.000000', 1767225600 + i * 31, 'unixepoch'),
           'mp3', 'audio/mpeg', 7938000, 1, 'decode',
           -14.0 - i % 10, 5.5, -1.0, -1.2, 0.01, 0.02, printf('%d', i * 7919),
           '{{"verified": "true", "profile": "profile"}}'
    FROM n JOIN conversion ON conversion.id = i + 1
    """,
    """
    INSERT INTO batch (id, name, uid, params, listed, passed_over, decisions, dry_run, created_at, planned_at)
    VALUES (1, 'benchmark/run', 'benchmark', '{{}}', 0, '{{}}', '{{}}', 0, '2026-01-01 00:00:00.000000',
            '2026-01-01 00:00:00.000000')
    """,
    """
    INSERT INTO batch_conversion (batch_id, conversion_id, ordinal, shard, decision)
    {batch}
    SELECT 1, i + 1, i, i / 1000, 'new' FROM n
    """,
)


def fill(catalogue: Catalogue, renditions: int, in_batch: int) -> None:
    """Write published renditions, and one batch with the first `in_batch` of them. SQLite only."""
    numbers = {
        "sources": _NUMBERS.format(last=renditions // PROFILES - 1),
        "renditions": _NUMBERS.format(last=renditions - 1),
        "batch": _NUMBERS.format(last=in_batch - 1),
    }
    for statement in _FILL:
        with catalogue.write() as connection:
            connection.exec_driver_sql(statement.format(**numbers))
    with catalogue.write() as connection:
        connection.execute(sa.text("ANALYZE"))
