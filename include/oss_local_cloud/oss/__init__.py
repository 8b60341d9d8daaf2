"""The HTTP API of the object store, as OSS speaks it."""
