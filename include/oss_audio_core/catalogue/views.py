"""The views, as tables to select from. Migrations create them (`migrations/views_0002.py`, `views_0006.py`)."""

from __future__ import annotations

import sqlalchemy as sa

from oss_audio_core.catalogue.schema import ObjectKey, UtcDateTime

views = sa.MetaData()


published_rendition = sa.Table(
    "published_rendition",
    views,
    sa.Column("id", sa.BigInteger, comment="key; rendition.id"),
    sa.Column("bucket", sa.Text, comment="bucket of the object"),
    sa.Column("key", ObjectKey, comment="key of the object"),
    sa.Column(
        "profile", sa.Text, comment="name of the rendition: a profile's, a clip's, or oss://… of a single conversion"
    ),
    sa.Column("source_bucket", sa.Text, comment="bucket of the source"),
    sa.Column("source_key", ObjectKey, comment="key of the source"),
    sa.Column("source_etag", sa.Text, comment="ETag of the content that it was made of"),
    sa.Column("source_size", sa.BigInteger, comment="bytes"),
    sa.Column("source_codec", sa.Text, comment="FFmpeg's name; null: not probed"),
    sa.Column("source_sample_rate", sa.Integer, comment="Hz"),
    sa.Column("source_channels", sa.Integer, comment="count"),
    sa.Column("source_duration", sa.Float, comment="seconds"),
    sa.Column("title", sa.Text, comment="of the source's own tags"),
    sa.Column("artist", sa.Text, comment="from the file's tags"),
    sa.Column("album", sa.Text, comment="from the file's tags"),
    sa.Column("container", sa.Text, comment="FFmpeg's name of the demuxer; null: not recorded"),
    sa.Column("codec", sa.Text, comment="FFmpeg's name"),
    sa.Column("sample_rate", sa.Integer, comment="Hz; of opus the rate of the encoder's input"),
    sa.Column("channels", sa.Integer, comment="count"),
    sa.Column("bits_per_sample", sa.Integer, comment="bits; flac only"),
    sa.Column("bitrate", sa.Integer, comment="bit/s of the audio itself, without the container"),
    sa.Column("duration", sa.Float, comment="seconds"),
    sa.Column("duration_exact", sa.Boolean, comment="true: from counted samples; false: from packets or headers"),
    sa.Column("samples", sa.BigInteger, comment="decoded samples per channel; null: not decoded whole"),
    sa.Column("size", sa.BigInteger, comment="bytes"),
    sa.Column(
        "saved_bytes",
        sa.BigInteger,
        comment="bytes; size of the source less that of the rendition, negative when the rendition is larger",
    ),
    sa.Column("loudness_lufs", sa.Float, comment="LUFS, EBU R128 integrated; null: not measured, or silence"),
    sa.Column("loudness_range_lu", sa.Float, comment="LU, EBU Tech 3342"),
    sa.Column("true_peak_dbtp", sa.Float, comment="dBTP, ITU-R BS.1770, the loudest channel"),
    sa.Column("sample_peak_dbfs", sa.Float, comment="dBFS, the loudest sample of any channel"),
    sa.Column("silence_head", sa.Float, comment="seconds of silence at the start"),
    sa.Column("silence_tail", sa.Float, comment="seconds of silence at the end"),
    sa.Column("bandwidth", sa.Float, comment="Hz up to which there is sound; null: not decoded, or silence"),
    sa.Column(
        "source_bandwidth", sa.Float, comment="Hz up to which the source has sound; null: not decoded, or silence"
    ),
    sa.Column("source_notes", sa.Text, comment="what is odd about the source, in words; null: nothing"),
    sa.Column("etag", sa.Text, comment="ETag of the object at its final key"),
    sa.Column("crc64", sa.Text, comment="CRC-64/XZ of the bytes in decimal, as x-oss-hash-crc64ecma has it"),
    sa.Column("content_type", sa.Text, comment="content type of the object"),
    sa.Column("verification", sa.Text, comment="how it was verified: probe or decode"),
    sa.Column("tags", sa.JSON, comment="object tags that were set with the copy, {name: value}"),
    sa.Column("waveform_uri", sa.Text, comment="oss://… of the waveform sidecar; null: there is none"),
    sa.Column("picture_uri", sa.Text, comment="oss://… of the picture sidecar (PNG); null: there is none"),
    sa.Column("process", sa.Text, comment="the action that made it: audio/convert,…"),
    sa.Column("generation", sa.Integer, comment="1, 2, … per source, profile and target bucket"),
    sa.Column("attempt", sa.Integer, comment="the attempt that succeeded"),
    sa.Column("conversion_id", sa.BigInteger, comment="conversion.id"),
    sa.Column("source_id", sa.BigInteger, comment="source.id"),
    sa.Column("published_at", UtcDateTime, comment="UTC; when it was published"),
    comment="Verified renditions with their sources, everything in one row",
)

source_ladder = sa.Table(
    "source_ladder",
    views,
    sa.Column("source_bucket", sa.Text, comment="bucket of the source"),
    sa.Column("source_key", ObjectKey, comment="key of the source"),
    sa.Column("rung", sa.Integer, comment="1, 2, …: from the lowest bit rate to the highest"),
    sa.Column("rungs", sa.Integer, comment="count of the source's renditions"),
    sa.Column(
        "profile", sa.Text, comment="name of the rendition: a profile's, a clip's, or oss://… of a single conversion"
    ),
    sa.Column("bucket", sa.Text, comment="bucket of the object"),
    sa.Column("key", ObjectKey, comment="key of the object"),
    sa.Column("content_type", sa.Text, comment="content type of the object"),
    sa.Column("codec", sa.Text, comment="FFmpeg's name"),
    sa.Column("bitrate", sa.Integer, comment="bit/s of the audio itself, without the container"),
    sa.Column("sample_rate", sa.Integer, comment="Hz; of opus the rate of the encoder's input"),
    sa.Column("channels", sa.Integer, comment="count"),
    sa.Column("duration", sa.Float, comment="seconds"),
    sa.Column("size", sa.BigInteger, comment="bytes"),
    sa.Column("loudness_lufs", sa.Float, comment="LUFS, EBU R128 integrated; null: not measured, or silence"),
    sa.Column("true_peak_dbtp", sa.Float, comment="dBTP, ITU-R BS.1770, the loudest channel"),
    sa.Column("source_etag", sa.Text, comment="ETag of the content that it was made of"),
    sa.Column("source_size", sa.BigInteger, comment="bytes"),
    sa.Column("source_duration", sa.Float, comment="seconds"),
    sa.Column("rendition_id", sa.BigInteger, comment="rendition.id"),
    sa.Column("published_at", UtcDateTime, comment="UTC; when it was published"),
    comment="The renditions of each source side by side, from the lowest bit rate to the highest",
)

attempt_history = sa.Table(
    "attempt_history",
    views,
    sa.Column("conversion_id", sa.BigInteger, comment="conversion.id"),
    sa.Column("number", sa.Integer, comment="1, 2, …"),
    sa.Column("is_current", sa.Boolean, comment="true: the latest attempt; false: another one followed"),
    sa.Column("state", sa.Text, comment="the attempt's last state"),
    sa.Column("task_id", sa.Text, comment="TaskId of IMM; null: no task was accepted"),
    sa.Column("output_bucket", sa.Text, comment="bucket that it wrote to"),
    sa.Column("output_key", ObjectKey, comment="key that it wrote to; null: the staged object was removed"),
    sa.Column("submitted_at", UtcDateTime, comment="UTC; when IMM accepted it"),
    sa.Column(
        "changed_at",
        UtcDateTime,
        comment="UTC; when the attempt ended; of the current one, when its state last changed",
    ),
    sa.Column("code", sa.Text, comment="error code of the failure, the service's own where it gave one"),
    sa.Column("message", sa.Text, comment="the reason, as a sentence"),
    comment="Every attempt of every conversion, the current ones included",
)
