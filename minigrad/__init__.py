"""Reverse-mode automatic differentiation, small enough to read."""
