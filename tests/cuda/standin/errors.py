"""The stand-in's exceptions, of CuPy's types."""


class CUDARuntimeError(RuntimeError):
    """What the CUDA runtime refuses."""

    def __init__(self, status, name="", text=""):
        self.status = status
        super().__init__(f"{name}: {text}")


class OutOfMemoryError(MemoryError):
    """What CuPy's pool raises when the device is full."""


class StandInError(RuntimeError):
    """What a GPU would do without a word, and wrongly."""


class CompileException(Exception):
    """What CuPy raises for a source that does not compile."""

    def __init__(self, message):
        self.msg = message
        super().__init__(message)


class CUDADriverError(RuntimeError):
    """What the CUDA driver refuses."""

    def __init__(self, status, name="", text=""):
        self.status = status
        super().__init__(f"{name}: {text}")
