"""The reader of TensorFlow checkpoints, on a table made by hand."""

import struct
from pathlib import Path

import numpy as np
import pytest

from lgr.errors import WeightsError
from lgr.judges.musicnn_weights import MAGIC, read_checkpoint

MATRIX = b"\x08\x01\x12\x08\x12\x02\x08\x02\x12\x02\x08\x03\x28\x18"  # float32, (2, 3), at 0, 24 bytes
STEP = b"\x08\x09\x12\x00\x20\x18\x28\x08"  # int64, no axes, at 24, 8 bytes


def block(*entries: tuple[int, bytes, bytes], compression: int = 0) -> bytes:
    """Entries (shared, rest of the key, value), one place where keys are written whole, no checksum."""
    rows = b"".join(bytes([shared, len(rest), len(value)]) + rest + value for shared, rest, value in entries)
    return rows + struct.pack("<II", 0, 1) + bytes([compression]) + bytes(4)


def write(folder: Path, *, header: bytes = b"\x08\x01", matrix: bytes = MATRIX, compression: int = 0) -> str:
    entries = (0, b"", header), (0, b"dense/bias", STEP), (6, b"kernel", matrix)
    first = block(*entries, compression=compression)
    index = block((0, b"e", bytes([0, len(first) - 5])))
    handles = bytes([0, 0, len(first), len(index) - 5])
    footer = handles.ljust(40, b"\0") + struct.pack("<Q", MAGIC)
    (folder / ".index").write_bytes(first + index + footer)
    (folder / ".data-00000-of-00001").write_bytes(struct.pack("<6fq", 0, 1, 2, 3, 4, 5, 70))
    return f"{folder}/"


def test_names_and_arrays_of_a_table_made_by_hand(tmp_path: Path) -> None:
    found = read_checkpoint(write(tmp_path))
    assert list(found) == ["dense/bias", "dense/kernel"]  # the second name shares six letters with the first
    np.testing.assert_array_equal(found["dense/kernel"], np.arange(6, dtype=np.float32).reshape(2, 3))
    assert found["dense/bias"].shape == ()
    assert found["dense/bias"] == 70


def test_what_is_damaged_or_not_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot read the checkpoint"):
        read_checkpoint(tmp_path / "nowhere")
    for damage, sentence in [
        ({"header": b"\x08\x02"}, "one little-endian data file expected"),
        ({"compression": 1}, "compressed blocks are not read, got compression 1"),
        ({"matrix": MATRIX[:-1] + b"\x14"}, r"20 bytes do not fill \[2, 3\] numbers of float32"),
        ({"matrix": b"\x08\x07" + MATRIX[2:]}, "KeyError"),  # a table of strings
        ({"matrix": MATRIX + b"\x20\x14"}, "ValueError"),  # lies past the end of the data
    ]:
        with pytest.raises(WeightsError, match=sentence):
            read_checkpoint(write(tmp_path, **damage))
    index = tmp_path / ".index"
    index.write_bytes(index.read_bytes()[:-1])
    with pytest.raises(WeightsError, match="no magic number"):
        read_checkpoint(f"{tmp_path}/")
