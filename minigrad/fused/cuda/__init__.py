"""The kernels for GPUs, in CUDA C. Read kernels/common.cuh and the families beside it, then source.py and launch.py."""
