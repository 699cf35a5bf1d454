"""The kernels for processors, in Numba. Read fields.py, then forward.py, backward.py and update.py; then tiles.py."""
