import os
import pickle
import struct
from collections import OrderedDict

import numpy as np
import pytest

from twoloops.digital.packaged.weights import MAGIC, PROTOCOL, read_weights
from twoloops.records.errors import UserError

HEAD = pickle.dumps(MAGIC, 2) + pickle.dumps(PROTOCOL, 2) + pickle.dumps({}, 2)
FLOATS = np.arange(6, dtype="<f4")


def names(module: str, name: str) -> bytes:
    return b"c" + f"{module}\n{name}\n".encode()


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def integers(*values: int) -> bytes:
    return b"(" + b"".join(b"J" + struct.pack("<i", value) for value in values) + b"t"


def tensor(offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> bytes:
    """A checkpoint's own way to write one tensor, in pickle's language."""
    storage = b"(" + text("storage") + names("torch", "FloatStorage") + text("7")
    storage += text("cpu") + b"J" + struct.pack("<i", 6) + b"NtQ"
    hooks = names("collections", "OrderedDict") + b")R"
    arguments = storage + b"J" + struct.pack("<i", offset) + integers(*size) + integers(*stride)
    return names("torch._utils", "_rebuild_tensor_v2") + b"(" + arguments + b"\x89" + hooks + b"tR"


def checkpoint(body: bytes) -> bytes:
    objects = b"\x80\x02" + names("collections", "OrderedDict") + b")R("
    objects += text("w") + body + b"u."
    data = struct.pack("<q", 6) + FLOATS.tobytes()
    return HEAD + objects + pickle.dumps(["7"], 2) + data


def test_a_tensor_is_read_with_its_offset_and_strides():
    weights = read_weights(checkpoint(tensor(0, (2, 3), (3, 1))))
    np.testing.assert_array_equal(weights["w"], FLOATS.reshape(2, 3))
    turned = read_weights(checkpoint(tensor(1, (2, 2), (1, 2))))
    np.testing.assert_array_equal(turned["w"], [[1, 3], [2, 4]])


@pytest.mark.parametrize(
    ("offset", "size", "stride"), [(0, (2, 4), (4, 1)), (5, (2,), (1,)), (4, (2,), (-1,))]
)
def test_a_tensor_that_reaches_beyond_its_storage_is_refused(offset, size, stride):
    with pytest.raises(UserError, match="reaches beyond its storage"):
        read_weights(checkpoint(tensor(offset, size, stride)))


class Gadget:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_a_pickle_that_runs_a_command_is_refused_and_runs_nothing(tmp_path):
    trap = tmp_path / "ran"
    for data in (
        HEAD + pickle.dumps(Gadget(trap), 2),
        pickle.dumps(Gadget(trap), 2),
        HEAD + pickle.dumps(OrderedDict(w=Gadget(trap)), 4),
    ):
        with pytest.raises(UserError, match=r"names \w+\.system, and only .* nothing was run"):
            read_weights(data)
    assert not trap.exists()


@pytest.mark.parametrize("name", ["builtins eval", "torch load", "numpy load", "os popen"])
def test_every_name_but_four_is_refused(name):
    module, member = name.split()
    with pytest.raises(UserError, match=f"{module}.{member}"):
        read_weights(HEAD + b"\x80\x02" + names(module, member) + b".")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", HEAD, checkpoint(tensor(0, (6,), (1,)))[:-9]])
def test_a_broken_file_is_one_sentence(data):
    with pytest.raises(UserError, match="no torch checkpoint of the old format"):
        read_weights(data)
