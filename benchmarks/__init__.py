"""Measurements: each first checks that everyone computes the same numbers, then times interleaved rounds."""
