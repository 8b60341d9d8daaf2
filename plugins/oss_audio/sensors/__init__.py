"""The deferrable sensor that waits for conversions."""
