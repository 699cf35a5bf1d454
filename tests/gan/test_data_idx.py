"""IDX files: what is written is read back, and nothing but an IDX file is read."""

import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from gan.data.idx import TYPES, read_idx, write_idx
from gan.errors import UserError

SHAPES = npst.array_shapes(min_dims=1, max_dims=5, min_side=0, max_side=6)
ARRAYS = st.sampled_from(sorted(TYPES)).flatmap(
    lambda code: npst.arrays(st.sampled_from([TYPES[code], TYPES[code].newbyteorder("<")]), SHAPES)
)


@st.composite
def damaged(draw):
    data = bytearray(write_idx(draw(ARRAYS)))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["change", "header", "truncate", "insert", "append"])):
            case "change":
                data[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
            case "header":
                data[min(place, 12) : min(place, 12) + 1] = draw(st.binary(min_size=1, max_size=1))
            case "truncate":
                del data[place:]
            case "insert":
                data[place:place] = draw(st.binary(max_size=8))
            case "append":
                data += draw(st.binary(min_size=1, max_size=8))
    return bytes(data)


def check_total(data):
    """Either one sentence, or an array that is the whole of `data`."""
    try:
        array = read_idx(data, "the file")
    except UserError as error:
        message = str(error)
        assert message.startswith("the file ")
        assert message.endswith(".")
        assert "\n" not in message
    else:
        assert write_idx(array) == data


@given(ARRAYS)
@settings(deadline=None)
def test_what_is_written_is_read_back_bit_for_bit(array):
    back = read_idx(write_idx(array), "the file")
    assert back.dtype == array.dtype.newbyteorder("=")
    assert back.dtype.isnative
    assert back.shape == array.shape
    assert back.tobytes() == array.astype(back.dtype).tobytes()
    assert back.flags.writeable
    assert back.flags.c_contiguous


@given(ARRAYS)
@settings(deadline=None)
def test_the_memory_layout_of_what_is_written_does_not_matter(array):
    for view in (array.T, array[::-1], array[..., ::2]):
        np.testing.assert_array_equal(read_idx(write_idx(view), "the file"), view)


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("00000801 00000003 00 7f ff", np.array([0, 127, 255], np.uint8)),
        ("00000901 00000002 01 ff", np.array([1, -1], np.int8)),
        ("00000b02 00000001 00000002 0001 fffe", np.array([[1, -2]], np.int16)),
        ("00000c01 00000001 80000000", np.array([-(2**31)], np.int32)),
        ("00000d02 00000002 00000001 3f800000 c0000000", np.array([[1], [-2]], np.float32)),
        ("00000e01 00000001 3ff8000000000000", np.array([1.5], np.float64)),
        ("00000803 00000002 00000000 00000005", np.zeros((2, 0, 5), np.uint8)),
    ],
)
def test_files_written_by_hand(file, values):
    data = bytes.fromhex(file)
    array = read_idx(data, "by hand")
    assert array.dtype == values.dtype
    np.testing.assert_array_equal(array, values, strict=True)
    assert write_idx(values) == data


@given(st.binary(max_size=80))
@settings(deadline=None, max_examples=300)
def test_arbitrary_bytes(data):
    check_total(data)


@given(st.sampled_from(sorted(TYPES)), st.binary(max_size=80))
@settings(deadline=None, max_examples=300)
def test_arbitrary_bytes_after_a_good_magic(code, data):
    check_total(bytes([0, 0, code]) + data)


@given(damaged())
@settings(deadline=None, max_examples=400)
def test_damaged_files(data):
    check_total(data)


@given(ARRAYS, st.data())
@settings(deadline=None)
def test_every_proper_prefix_and_every_extension_is_refused(array, data):
    file = write_idx(array)
    with pytest.raises(UserError):
        read_idx(file[: data.draw(st.integers(0, len(file) - 1))], "the file")
    with pytest.raises(UserError, match="trailing bytes"):
        read_idx(file + data.draw(st.binary(min_size=1)), "the file")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"", "x has 0 bytes; an IDX file begins with a header of at least 8."),
        (b"\0\0\x08", "x has 3 bytes"),
        (b"\0\0\x08\x02\0\0\0", r"x ends inside its header: it has 7 bytes, and 2 dimensions take 12\."),
        (b"<htm", "x begins with the bytes 3c 68 74 6d; .* 00 00, .*one of 08, 09, 0b, 0c, 0d, 0e.* and"),
        (b"\0\0\x0a\x01", "x begins with the bytes 00 00 0a 01"),
        (b"\x1f\x8b\x08\0", "gzip file: decompress it first"),
        (b"\0\0\x08\0", "x declares 0 dimensions; expected 1 to 64"),
        (b"\0\0\x08\xff", "x declares 255 dimensions"),
        (
            b"\0\0\x0b\x01\0\0\0\x02abc",
            r"x is truncated: 3 bytes follow .* 2-byte values of shape \(2,\) take 4",
        ),
        (
            b"\0\0\x08\x01\0\0\0\x02abc",
            r"x has trailing bytes: 3 bytes .* 1-byte values of shape \(2,\) take 2",
        ),
    ],
)
def test_what_is_said_of_each_defect(file, message):
    with pytest.raises(UserError, match=message):
        read_idx(file, "x")


@pytest.mark.parametrize("code", sorted(TYPES))
@pytest.mark.parametrize(
    "shape",
    [(2**32 - 1,), (2**32 - 1, 2**32 - 1), (2**31, 2**31, 4), (2**32 - 1,) * 64, (0,) + (2**32 - 1,) * 63],
)
def test_huge_sizes_are_refused_without_memory_for_them(code, shape):
    data = struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape)
    tracemalloc.start()
    try:
        with pytest.raises(UserError):
            read_idx(data, "the file")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(2, np.int64),
        np.zeros(2, np.float16),
        np.zeros(2, bool),
        np.zeros(2, complex),
        np.array(["a"]),
        np.array([None]),
        np.zeros((), np.uint8),
        np.broadcast_to(np.uint8(0), (2**32,)),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_what_the_format_cannot_hold_is_refused(array):
    with pytest.raises(UserError, match="An IDX file cannot hold"):
        write_idx(array)
