"""The demo: a bucket of audio becomes a verified catalogue."""
