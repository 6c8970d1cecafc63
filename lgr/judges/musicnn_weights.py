"""The variables of a TensorFlow checkpoint, read without TensorFlow; and where the package `musicnn` keeps its own.

A checkpoint ("tensor bundle", version 2) is two files. ``PREFIX.index`` is a sorted table in LevelDB's format (LevelDB,
doc/table_format.md) from a variable's name to a protocol buffer ``BundleEntryProto`` (TensorFlow,
core/protobuf/tensor_bundle.proto); ``PREFIX.data-00000-of-00001`` has the tensors' bytes. Read are blocks that are not
compressed, one data file, little-endian numbers and whole tensors; anything else is a `WeightsError`.

The table ends in a footer of 48 bytes: where a block about the table lies, where the index of blocks lies, and a magic
number. A block is a row of entries (how many bytes of its key are those of the key before, how many follow, length of
the value, the rest of the key, the value), the places where keys are written whole (4 bytes each), and their count (4).
A byte after it says how it is compressed. Checksums are not compared.
"""

import importlib.util
from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lgr.errors import MissingPackageError, WeightsError

MAGIC = 0xDB4775248B80FB57
FOOTER_BYTES = 48
DTYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8"}  # of DataType (TensorFlow, core/framework/types.proto)
DTYPE, SHAPE, SHARD, OFFSET, SIZE, SLICES = 1, 2, 3, 4, 5, 7  # fields of BundleEntryProto; in a shape 2 is an axis
SHARDS, ENDIANNESS = 1, 2  # fields of BundleHeaderProto, the entry of the empty name


def musicnn_folder() -> Path:
    """The folder of the installed package, found without importing it, which would need TensorFlow.

    Raises
    ------
    MissingPackageError : it is not installed
    """
    spec = importlib.util.find_spec("musicnn")
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackageError(
            "musicnn's embedding needs the weights in its package: pip install --no-deps musicnn==0.1.0"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def read_checkpoint(prefix: str | Path) -> dict[str, NDArray[np.generic]]:
    """Every variable of a checkpoint by its name, in the order of names.

    Parameters
    ----------
    prefix : str or Path
        What stands before ``.index``; it ends in a slash where that is the file's whole name.

    Raises
    ------
    WeightsError : a file is missing or damaged, or has what is not read here
    """
    try:
        index, data = (Path(f"{prefix}{end}").read_bytes() for end in (".index", ".data-00000-of-00001"))
    except OSError as error:
        raise WeightsError(f"cannot read the checkpoint {prefix}: {error}") from error
    try:
        entries = {name.decode(): _fields(value) for name, value in table(index)}
        header = entries.pop("")
        if header.get(SHARDS) != [1] or header.get(ENDIANNESS, [0]) != [0]:
            raise ValueError(f"one little-endian data file expected, got the header {header}")
        return {name: _tensor(entry, data) for name, entry in entries.items()}
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise WeightsError(f"the checkpoint {prefix} is damaged or of an unknown kind: {error!r}") from error


def table(file: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a table in LevelDB's format, in order.

    Raises
    ------
    ValueError, IndexError : it is damaged or compressed
    """
    footer = file[-FOOTER_BYTES:]
    if int.from_bytes(footer[-8:], "little") != MAGIC:
        raise ValueError("the table has no magic number at its end")
    _, at = _handle(footer, 0)
    index, _ = _handle(footer, at)
    for _, value in _block(file, *index):
        yield from _block(file, *_handle(value, 0)[0])


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    """Where a block begins and how many bytes it has; and where the handle ends."""
    start, at = _varint(data, at)
    length, at = _varint(data, at)
    return (start, length), at


def _block(file: bytes, start: int, length: int) -> Iterator[tuple[bytes, bytes]]:
    if file[start + length]:
        raise ValueError(f"compressed blocks are not read, got compression {file[start + length]}")
    block = file[start : start + length]
    restarts = int.from_bytes(block[-4:], "little")
    at, end, key = 0, length - 4 * (restarts + 1), b""
    while at < end:
        shared, at = _varint(block, at)
        rest, at = _varint(block, at)
        size, at = _varint(block, at)
        key = key[:shared] + block[at : at + rest]
        yield key, block[at + rest : at + rest + size]
        at += rest + size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A whole number in groups of seven bits, the lowest first; and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _fields(message: bytes) -> dict[int, list[int | bytes]]:
    """The fields of a protocol buffer by number: whole numbers, or bytes as they stand."""
    fields: dict[int, list[int | bytes]] = {}
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        value: int | bytes
        if tag & 7 == 0:
            value, at = _varint(message, at)
        elif tag & 7 == 2:
            size, at = _varint(message, at)
            value, at = message[at : at + size], at + size
        elif tag & 7 in (1, 5):  # fixed, 8 or 4 bytes
            size = 8 if tag & 7 == 1 else 4
            value, at = message[at : at + size], at + size
        else:
            raise ValueError(f"a protocol buffer has no field of kind {tag & 7}")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _tensor(entry: dict[int, list[int | bytes]], data: bytes) -> NDArray[np.generic]:
    """The array of an entry; proto3 leaves out fields that are 0."""
    if SLICES in entry or _whole(entry, SHARD):
        raise ValueError("tensors in slices or in a second data file are not read")
    dtype = np.dtype(DTYPES[_whole(entry, DTYPE)])
    axes = [each for part in _parts(entry, SHAPE)[:1] for each in _parts(_fields(part), 2)]
    shape = [_whole(_fields(axis), 1) for axis in axes]
    size = _whole(entry, SIZE)
    if prod(shape) * dtype.itemsize != size:
        raise ValueError(f"{size} bytes do not fill {shape} numbers of {dtype}")
    return np.frombuffer(data, dtype, prod(shape), _whole(entry, OFFSET)).reshape(shape)


def _whole(fields: dict[int, list[int | bytes]], field: int) -> int:
    """The whole number of a field."""
    value = fields.get(field, [0])[0]
    if not isinstance(value, int):
        raise TypeError(f"field {field} must be a whole number")
    return value


def _parts(fields: dict[int, list[int | bytes]], field: int) -> list[bytes]:
    """All messages of a field."""
    values = fields.get(field, [])
    if not all(isinstance(each, bytes) for each in values):
        raise TypeError(f"field {field} must hold bytes")
    return [each for each in values if isinstance(each, bytes)]
