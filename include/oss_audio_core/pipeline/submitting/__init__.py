"""Submitting the conversions of one shard: claims, the POST of `audio/convert`, its outcome, lost submits, slots."""
