"""A synthetic corpus of the audio that people really have, and whether the product judges it rightly."""
