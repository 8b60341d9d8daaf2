"""Headers of audio containers, read without a decoder: verification and the local cloud's engine share the readers."""
