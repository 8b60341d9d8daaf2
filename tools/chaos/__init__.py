"""Kill anything at any moment while batches run, then hold the catalogue against the bucket and the service."""
