"""Kill any process at any moment while batches run, then compare the catalogue with the bucket and the service."""
