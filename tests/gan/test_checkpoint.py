"""A checkpoint comes back bit for bit, or says in a sentence why not: whatever happened to its bytes."""

import json
import struct
import tracemalloc

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gan import checkpoint
from gan.errors import UserError

DTYPES = [
    *(np.dtype(name) for name in ("bool", "int8", "int16", "int32", "int64", "longlong")),
    *(np.dtype(name) for name in ("uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64")),
]
SMALL = {"b": np.array([1.5, -0.0], np.float32), "a": np.array([1.5, -0.0], np.float32), "n": np.array(7)}
NOTES = {"step": 3, "rng": {"state": 2**127 + 1}, "loss": [0.1, None, True]}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def any_array(draw):
    """Every dtype, rank 0 to 3, empty axes, any bits (so every nan), any strides."""
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
    count = int(np.prod(shape, dtype=int)) * dtype.itemsize
    raw = draw(st.binary(min_size=count, max_size=count))
    if dtype.kind == "b":
        raw = bytes(byte & 1 for byte in raw)
    array = np.frombuffer(raw, dtype).reshape(shape)
    change = draw(st.sampled_from(["none", "transpose", "reverse", "step", "fortran"]))
    if change == "transpose":
        return array.T
    if change == "reverse" and array.ndim:
        return array[::-1]
    if change == "step" and array.ndim:
        return array[..., ::2]
    return np.asfortranarray(array) if change == "fortran" and array.ndim else array


def same(left, right):
    return (
        left.keys() == right.keys()
        and all(left[name].dtype == right[name].dtype for name in left)
        and all(left[name].shape == right[name].shape for name in left)
        and all(left[name].tobytes() == right[name].tobytes() for name in left)
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("checkpoint") / "checkpoint.safetensors"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("small") / "file"
    checkpoint.save(path, SMALL, NOTES)
    return path.read_bytes()


def content_or_sentence(file, data):
    """None where `load` refuses the bytes with a sentence; any other exception fails the test."""
    file.write_bytes(data)
    try:
        return checkpoint.load(file)
    except UserError as error:
        said = str(error)
    assert said.startswith(f"checkpoint {file} ")
    assert "; " in said
    assert "\n" not in said
    return None


def with_header(change, data):
    """`data` with its header (a dict) changed in place by `change`."""
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    change(header)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data[8 + size :]


def with_entry(change, data):
    def inner(header):
        entry = json.loads(header["__metadata__"]["checkpoint"])
        change(entry)
        header["__metadata__"]["checkpoint"] = json.dumps(entry)

    return with_header(inner, data)


@settings(deadline=None)
@given(
    st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), any_array(), max_size=4),
    st.dictionaries(st.text(max_size=4), json_values, max_size=3),
)
def test_what_is_saved_comes_back(file, arrays, metadata):
    checkpoint.save(file, arrays, metadata)
    loaded, notes = checkpoint.load(file)
    assert same(loaded, arrays)
    assert list(loaded) == sorted(arrays)
    assert all(array.flags.writeable and array.flags.c_contiguous for array in loaded.values())
    assert json.dumps(notes, sort_keys=True) == json.dumps(metadata, sort_keys=True)


@settings(deadline=None)
@given(st.permutations(sorted(SMALL)), st.permutations(sorted(NOTES)))
def test_equal_content_gives_equal_bytes(file, small, names, keys):
    checkpoint.save(file, {name: SMALL[name] for name in names}, {key: NOTES[key] for key in keys})
    assert file.read_bytes() == small


def test_nothing_is_shared_with_the_input_or_between_loads(file):
    array = np.arange(6.0).reshape(2, 3)
    checkpoint.save(file, {"x": array, "same": array, "part": array[1]}, {})
    first, second = checkpoint.load(file)[0], checkpoint.load(file)[0]
    first["x"][:] = 9
    assert same(second, {"x": array, "same": array, "part": array[1]})
    assert (first["same"] == array).all()
    assert (first["part"] == array[1]).all()
    assert array[0, 1] == 1


def test_foreign_byte_order_keeps_the_values(file):
    signalling = np.array([0x7FA12345, 0x3FC00000], ">u4").view(">f4")
    checkpoint.save(file, {"x": signalling, "n": np.array([1, 2], ">i2")}, {})
    loaded, _ = checkpoint.load(file)
    assert loaded["x"].view(np.uint32).tolist() == [0x7FA12345, 0x3FC00000]
    assert loaded["n"].tolist() == [1, 2]
    assert loaded["n"].dtype == np.int16


@pytest.mark.parametrize(
    "array",
    [np.array(1j), np.array("text"), np.array(None), np.zeros(2, [("x", "f4")]), np.zeros(1, "M8[s]")],
)
def test_other_dtypes_are_refused_before_anything_is_written(tmp_path, array):
    with pytest.raises(TypeError, match=r"array 'x' is .*; a checkpoint holds"):
        checkpoint.save(tmp_path / "file", {"x": array}, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("metadata", "kind"),
    [
        ({"x": float("nan")}, ValueError),
        ({"x": {"y": [float("inf")]}}, ValueError),
        ({"x": {1: 2}}, TypeError),
        ({"x": [({"1": 2, 1: 3},)]}, TypeError),
        ({1: 2}, TypeError),
        ({"x": np.float32(1)}, TypeError),
        ({"x": b"bytes"}, TypeError),
    ],
)
def test_metadata_that_json_cannot_hold_is_refused(tmp_path, metadata, kind):
    with pytest.raises(kind):
        checkpoint.save(tmp_path / "file", {}, metadata)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["__metadata__", 3, "\ud800"])
def test_names_that_the_container_cannot_hold_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r"name|surrogate"):
        checkpoint.save(tmp_path / "file", {name: np.zeros(1)}, {})
    assert list(tmp_path.iterdir()) == []


def test_every_cut_is_found(file, small):
    for length in range(len(small)):
        file.write_bytes(small[:length])
        with pytest.raises(UserError, match=f"is cut short: {length} bytes, where .* promise.*; use an earlier"):
            checkpoint.load(file)
    file.write_bytes(small + b"\0")
    with pytest.raises(UserError, match=f"too long: {len(small) + 1} bytes, where its header promises {len(small)}"):
        checkpoint.load(file)


def test_every_flipped_bit_is_found_or_harmless(file, small):
    harmless = 0
    for bit in range(8 * len(small)):
        data = bytearray(small)
        data[bit // 8] ^= 1 << bit % 8
        loaded = content_or_sentence(file, data)
        if loaded is not None:
            harmless += 1
            assert same(loaded[0], SMALL)
            assert loaded[1] == NOTES
    assert harmless < 64  # padding of the header, at most


@settings(deadline=None)
@given(data=st.data())
def test_random_damage_is_found_or_harmless(file, small, data):
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(small))] * 2)))
    loaded = content_or_sentence(file, small[:start] + data.draw(st.binary(max_size=20)) + small[stop:])
    assert loaded is None or (same(loaded[0], SMALL) and loaded[1] == NOTES)


@settings(deadline=None)
@given(st.binary(max_size=100) | st.binary(max_size=90).map(lambda tail: struct.pack("<Q", len(tail)) + tail))
def test_random_bytes_are_no_checkpoint(file, data):
    assert content_or_sentence(file, data) is None


offsets = st.lists(st.sampled_from([-1, 0, 4, 8, 2**31, 2**63 - 1, 2**64, 10**4000, 0.5, 8.0, "8", None]), max_size=3)
tensors = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from(["F32", "BF16", "F8_E4M3", "C64", "?", 3]),
        "shape": st.lists(st.sampled_from([0, 1, 2, 2**32, 2**63, -1, "1"]), max_size=3),
        "data_offsets": offsets | st.none(),
    },
)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["a", "b", "__metadata__"]), tensors | json_values, max_size=3),
    st.binary(),
)
def test_odd_headers_are_refused(file, small, header, tail):
    def change(old):
        old.update(header)

    loaded = content_or_sentence(file, with_header(change, small))
    assert loaded is None or same(loaded[0], SMALL)
    text = json.dumps(header).encode()
    assert content_or_sentence(file, struct.pack("<Q", len(text)) + text + tail) is None


def test_a_header_that_claims_gigantic_sizes_allocates_nothing(file, small):
    def huge(header):
        header["a"] = {"dtype": "F32", "shape": [2**60], "data_offsets": [0, 2**62]}

    def wrapped(header):  # 2**62 elements of 4 bytes: 0 modulo 2**64
        header["a"] = {"dtype": "F32", "shape": [2**31, 2**31], "data_offsets": [0, 0]}

    length = struct.pack("<Q", 2**62) + small[8:]
    tracemalloc.start()
    try:
        for data in (with_header(huge, small), with_header(wrapped, small), length):
            assert content_or_sentence(file, data) is None
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


def test_the_checksum_covers_every_part(file, small):
    def swap_names(header):
        header["a"], header["b"] = header["b"], header["a"]
        header["c"] = header.pop("a")

    def other_dtype(header):
        header["a"]["dtype"] = "I32"

    def other_shape(header):
        header["a"]["shape"] = [2, 1]

    def other_metadata(entry):
        entry["metadata"]["step"] = 4

    def other_value(entry):
        entry["metadata"]["loss"][2] = 1  # True == 1, and yet

    changed = [with_header(change, small) for change in (swap_names, other_dtype, other_shape)]
    changed += [with_entry(change, small) for change in (other_metadata, other_value)]
    changed.append(small[:-1] + bytes([small[-1] ^ 0x80]))
    for data in changed:
        file.write_bytes(data)
        with pytest.raises(UserError, match="checksum does not match"):
            checkpoint.load(file)


def test_a_newer_version_says_so(file, small):
    file.write_bytes(with_entry(lambda entry: entry.update(version=2), small))
    with pytest.raises(UserError, match=r"made by a newer version .*format is 2, and 1 .*; update minigrad-gan"):
        checkpoint.load(file)


@pytest.mark.parametrize("version", [0, -1, "1", None, 1.5])
def test_an_unknown_version_is_damage(file, small, version):
    file.write_bytes(with_entry(lambda entry: entry.update(version=version), small))
    with pytest.raises(UserError, match="is damaged: its version"):
        checkpoint.load(file)


def test_metadata_out_of_range_is_damage(file, small):
    def change(header):
        text = header["__metadata__"]["checkpoint"]
        header["__metadata__"]["checkpoint"] = text.replace("0.1", "1e999")

    assert content_or_sentence(file, with_header(change, small)) is None


def test_another_kind_of_file(file, tmp_path):
    file.write_bytes(b"PK\x03\x04 and so on, longer than nine bytes")
    with pytest.raises(UserError, match="is not a safetensors file; use an earlier"):
        checkpoint.load(file)
    safetensors.numpy.save_file({"x": np.zeros(3)}, file, {"author": "someone"})
    with pytest.raises(UserError, match="but not a checkpoint of this program"):
        checkpoint.load(file)
    with pytest.raises(UserError, match=r"there is no checkpoint .*; check the path, or start the run again"):
        checkpoint.load(tmp_path / "missing")
    with pytest.raises(UserError, match="it is a folder"):
        checkpoint.load(tmp_path)


def test_any_safetensors_reader_reads_it(file):
    checkpoint.save(file, SMALL, NOTES)
    assert same(safetensors.numpy.load_file(file), {name: SMALL[name] for name in SMALL})
