"""Waiting for the conversions of one shard: notifications, the drain lease, and polling OSS and IMM."""
