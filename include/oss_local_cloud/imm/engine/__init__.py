"""The conversion engine: one FFmpeg process per conversion, with guards against hostile input."""
