"""The IDX format, in which MNIST is published.

Two zero bytes, a type code, the number of dimensions n, n sizes as big-endian unsigned 32-bit integers, then
the values, big-endian, last index fastest. Source: LeCun, Cortes and Burges, "The MNIST database".
"""

import math
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError

TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
MAX_DIMENSIONS = 64  # NumPy's own limit; the format's is 255
MAX_SIZE = 2**32 - 1


def read_idx(data: bytes, source: str) -> NDArray[Any]:
    """Return the array that the IDX file `data` holds: a fresh array in the machine's byte order.

    `source` names the file in errors. UserError if `data` is not exactly one IDX file; nothing is allocated
    before the sizes in the header have been found to agree with the length of `data`.
    """
    if len(data) < 4:
        raise UserError(f"{source} has {len(data)} bytes; an IDX file begins with a header of at least 8.")
    if data[:2] != b"\0\0" or data[2] not in TYPES:
        codes = ", ".join(f"{code:02x}" for code in TYPES)
        gzip = "; it looks like a gzip file: decompress it first" if data[:2] == b"\x1f\x8b" else ""
        raise UserError(
            f"{source} begins with the bytes {data[:4].hex(' ')}; an IDX file begins with 00 00,"
            f" a type code (one of {codes}) and the number of dimensions{gzip}."
        )
    dtype, ndim = TYPES[data[2]], data[3]
    if not 1 <= ndim <= MAX_DIMENSIONS:
        raise UserError(f"{source} declares {ndim} dimensions; expected 1 to {MAX_DIMENSIONS}.")
    header = 4 + 4 * ndim
    if len(data) < header:
        raise UserError(
            f"{source} ends inside its header: it has {len(data)} bytes, and {ndim} dimensions take {header}."
        )
    shape = struct.unpack_from(f">{ndim}I", data, offset=4)
    expected = math.prod(shape) * dtype.itemsize  # Python integers: this cannot overflow
    body = len(data) - header
    if body != expected:
        defect = "is truncated" if body < expected else "has trailing bytes"
        raise UserError(
            f"{source} {defect}: {body} bytes follow its header, and {dtype.itemsize}-byte values"
            f" of shape {shape} take {expected}."
        )
    # A size of 0 makes the product 0 however large the rest, but NumPy must still be able to step over it.
    if math.prod(filter(None, shape)) * dtype.itemsize > np.iinfo(np.intp).max:
        raise UserError(f"{source} declares the shape {shape}, which is empty but too large for an array.")
    values = np.frombuffer(data, dtype, count=math.prod(shape), offset=header)
    return values.reshape(shape).astype(dtype.newbyteorder("="))


def write_idx(array: NDArray[Any]) -> bytes:
    """Return `array` as an IDX file, so that `read_idx` gives its values back bit for bit.

    It must have one of the six types of the format, in any byte order and memory layout, and 1 to 64
    dimensions of at most 2**32 - 1 each; UserError otherwise.
    """
    codes = {dtype.newbyteorder("="): code for code, dtype in TYPES.items()}
    code = codes.get(array.dtype.newbyteorder("="))
    if code is None:
        names = ", ".join(str(dtype) for dtype in codes)
        raise UserError(f"An IDX file cannot hold {array.dtype}; expected one of {names}.")
    if not 1 <= array.ndim <= MAX_DIMENSIONS or max(array.shape) > MAX_SIZE:
        raise UserError(
            f"An IDX file cannot hold the shape {array.shape}; expected 1 to {MAX_DIMENSIONS} dimensions"
            f" of at most {MAX_SIZE} each."
        )
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(TYPES[code]).tobytes(order="C")
