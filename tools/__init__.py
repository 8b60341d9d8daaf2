"""Tools around the product: set-up, checks, the demo, stacks of processes and chaos runs."""
