"""IMM (Intelligent Media Management): conversions that OSS hands over, done by FFmpeg, and the API about them."""
