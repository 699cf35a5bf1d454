"""Chapter two: the same numbers, faster. Nothing here is needed to understand minigrad, or loaded before it is used.

Each kernel names the plain composition it equals; minigrad/kernels.py decides which of the two runs.
"""
