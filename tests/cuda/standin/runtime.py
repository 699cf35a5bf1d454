"""cupy.cuda.runtime and cupy.cuda.Device: one device, called what it is."""

import numpy as np

from . import memory
from .errors import CUDARuntimeError
from .streams import synchronize_device

streamCaptureModeGlobal, streamCaptureModeThreadLocal, streamCaptureModeRelaxed = 0, 1, 2
memcpyHostToDevice, memcpyDeviceToHost, memcpyDeviceToDevice = 1, 2, 3


def getDeviceCount():
    return 1


def getDevice():
    return 0


def setDevice(device):
    if device != 0:
        raise CUDARuntimeError(101, "cudaErrorInvalidDevice", "invalid device ordinal")


def getDeviceProperties(device):
    setDevice(device)
    return {
        "name": b"stand-in for a GPU",
        "totalGlobalMem": memory.TOTAL,
        "multiProcessorCount": 132,
        "major": 9,
        "minor": 0,
        "warpSize": 32,
        "maxThreadsPerBlock": 1024,
        "sharedMemPerBlock": 49152,
    }


def deviceSynchronize():
    synchronize_device()


def memGetInfo():
    return memory.TOTAL - memory.pool.total_bytes(), memory.TOTAL


def runtimeGetVersion():
    return 13000


def driverGetVersion():
    return 13000


class Device:
    """cupy.cuda.Device."""

    def __init__(self, device=None):
        if device is not None and not isinstance(device, (int, np.integer)):
            device = device.id
        self.id = int(device or 0)

    def __enter__(self):
        setDevice(self.id)
        return self

    def __exit__(self, *exc):
        pass

    def __int__(self):
        return self.id

    def __eq__(self, other):
        return isinstance(other, Device) and self.id == other.id

    def __hash__(self):
        return hash(self.id)

    def __repr__(self):
        return f"<CUDA Device {self.id}>"

    def use(self):
        setDevice(self.id)

    def synchronize(self):
        deviceSynchronize()

    @property
    def compute_capability(self):
        return "90"

    @property
    def mem_info(self):
        return memGetInfo()
