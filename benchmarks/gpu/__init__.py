"""One command for a machine with a GPU: what is there, whether it is right, and how fast it is, beside PyTorch and JAX.

`python -m benchmarks.gpu --out DIR`; docs/cuda.md tells how to read what it writes.
"""
