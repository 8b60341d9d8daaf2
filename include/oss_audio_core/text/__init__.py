"""Text that others wrote (keys, messages, tags, addresses), made fit to be shown. It imports nothing of the product."""
