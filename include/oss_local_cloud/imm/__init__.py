"""IMM (Intelligent Media Management): conversions that OSS submits, done by FFmpeg, and the API about them."""
