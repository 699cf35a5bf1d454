"""Device memory of the stand-in: blocks of host memory, poisoned when fresh and when freed, counted by a pool.

CuPy's pool hands out blocks of a multiple of 512 bytes that keep what was in them. Here a fresh block is full of 0xFF
(NaN as a float, -1 as an integer), and guard bytes before and after it show who writes outside of it.
"""

import contextlib
import ctypes
import weakref

import numpy as np

from .errors import OutOfMemoryError, StandInError
from .streams import History, refuse_in_capture, run

UNIT = 512  # bytes: CuPy's pool rounds up to it
POISON, GUARD = 0xFF, 0xAB


class Block:
    """A piece of device memory of ``nbytes``; it is freed when nothing refers to it any more."""

    def __init__(self, nbytes):
        for allocator in _allocators[-1:]:
            allocator(nbytes)
        refuse_in_capture("memory is allocated: allocate every buffer before the capture")
        self.nbytes = nbytes
        self.size = -(-max(nbytes, 1) // UNIT) * UNIT
        pool.take(self.size)
        whole = np.full(self.size + 3 * UNIT, GUARD, np.uint8)
        start = -whole.ctypes.data % UNIT + UNIT
        content = whole[start : start + nbytes]
        content.fill(POISON)
        self.ptr = content.ctypes.data
        self._ends = whole[:start], whole[start + nbytes :]
        self._finalizer = weakref.finalize(self, _free, content, self._ends, self.size)
        self._finalizer.atexit = False
        self.history = History()
        _live[self.ptr] = self

    @property
    def __array_interface__(self):  # so that every NumPy array in a block keeps the block
        return {"shape": (self.nbytes,), "typestr": "|u1", "data": (self.ptr, False), "version": 3}

    def __contains__(self, address):
        return self.ptr <= address < self.ptr + max(self.nbytes, 1)

    def check(self, culprit):
        """Refuse what wrote outside of the block."""
        for place, end in zip(("before", "behind"), self._ends, strict=True):
            if (end != GUARD).any():
                end.fill(GUARD)
                raise MemoryError(f"{culprit} wrote {place} an array of {self.nbytes} bytes")


def _free(content, ends, size):
    content.fill(POISON)
    pool.give(size)
    if any((end != GUARD).any() for end in ends):
        raise MemoryError(f"somebody wrote outside an array of {content.nbytes} bytes, which is free now")


class MemoryPool:
    """Counts what is in use and what is kept for later, as cupy.get_default_memory_pool() does."""

    def __init__(self):
        self._used = self._free = self._limit = 0
        self.allocations = 0  # of the stand-in: how many blocks were ever made

    def take(self, size):
        """Note a block in use."""
        reused = min(size, self._free)
        if self._limit and self._used + self._free - reused + size > self._limit:
            raise OutOfMemoryError(
                f"Out of memory allocating {size:,} bytes (allocated so far: {self._used:,} bytes, "
                f"limit set to: {self._limit:,} bytes)."
            )
        self._free -= reused
        self._used += size
        self.allocations += 1

    def give(self, size):
        """Note a block that is free again, and kept."""
        self._used -= size
        self._free += size

    def used_bytes(self):
        return self._used

    def free_bytes(self):
        return self._free

    def total_bytes(self):
        return self._used + self._free

    def n_free_blocks(self):
        return int(self._free > 0)

    def free_all_blocks(self, stream=None):
        self._free = 0

    def set_limit(self, size=None, fraction=None):
        self._limit = int(size if fraction is None else fraction * TOTAL)

    def get_limit(self):
        return self._limit


_allocators = []


@contextlib.contextmanager
def using_allocator(allocator=None):
    """cupy.cuda.using_allocator, of an allocator that only looks, or refuses; None is the one without a pool."""
    _allocators.append(allocator or (lambda nbytes: None))
    try:
        yield
    finally:
        _allocators.pop()


_live = weakref.WeakValueDictionary()  # address -> block


def block_at(address):
    """The live block that holds the byte at an address, or None."""
    return next((block for block in list(_live.values()) if address in block), None)


def extent(address):
    """Bytes from an address to the end of the live block that holds it; 0 if none does."""
    block = block_at(address)
    return block.ptr + block.nbytes - address if block else 0


TOTAL = 16 * 2**30  # bytes of the device
pool = MemoryPool()


class MemoryPointer:
    """Where an array's data begins: a block and a number of bytes behind its start."""

    def __init__(self, mem, offset):
        self.mem = mem
        self.ptr = mem.ptr + offset
        self.device_id = 0

    def __add__(self, offset):
        return MemoryPointer(self.mem, self.ptr - self.mem.ptr + offset)

    def __int__(self):
        return self.ptr

    def _span(self, nbytes):
        if self.ptr + nbytes > self.mem.ptr + self.mem.nbytes:
            raise StandInError(f"{nbytes} bytes are more than the array has from there")
        return self.mem, self.ptr, self.ptr + nbytes

    def memset_async(self, value, size, stream=None):
        address = self.ptr  # the work keeps no block
        run("MEMSET", lambda: ctypes.memset(address, value, size), writes=[self._span(size)], stream=stream)

    def copy_from_device_async(self, src, size, stream=None):
        source, target = src.ptr, self.ptr
        move = lambda: ctypes.memmove(target, source, size)
        run("MEMCPY", move, [src._span(size)], [self._span(size)], stream=stream)
