"""Kill the local cloud repeatedly while clients work with it, and check that nothing acknowledged was lost."""
