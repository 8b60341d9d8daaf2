"""Kill the local cloud again and again while clients work with it, and find out whether it kept its word."""
