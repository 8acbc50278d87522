"""Bytes changed at random: there is always a record, nothing runs, and it ends."""

import io
import json
import os
import pickle
import random
import resource
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twoloops.records.finding import PURPOSES

MEMORY = 256 << 20
"""Bytes that vetting a file of a few hundred bytes may add to the process's peak."""

mutation = st.tuples(
    st.sampled_from(["set", "flip", "cut", "drop", "double", "insert", "huge"]),
    st.floats(0, 1, exclude_max=True),
    st.binary(min_size=1, max_size=8),
)
fuzzed = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def mutated(data: bytes, changes) -> bytes:
    for how, where, bits in changes:
        if not data:
            return data
        at = int(where * len(data))
        if how == "set":
            data = data[:at] + bits + data[at + len(bits) :]
        elif how == "flip":
            data = data[:at] + bytes([data[at] ^ (1 << bits[0] % 8)]) + data[at + 1 :]
        elif how == "cut":
            data = data[:at]
        elif how == "drop":
            data = data[:at] + data[at + bits[0] % 16 + 1 :]
        elif how == "double":
            data = data[:at] + data[at : at + 32] * 2 + data[at + 32 :]
        elif how == "insert":
            data = data[:at] + bits + data[at:]
        else:
            data = data[:at] + b"\xff\xff\xff\xff\x7f" + data[at + 5 :]
    return data


@pytest.fixture
def survives(folder, look, canary, monkeypatch):
    """Return a function that vets changed bytes and checks what must hold for any."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("something was unpickled or run")

    monkeypatch.setattr(pickle, "loads", never)
    monkeypatch.setattr(pickle, "load", never)
    monkeypatch.setattr(os, "system", never)

    def surviving(name: str, data: bytes) -> bool:
        path = folder / name
        path.write_bytes(data)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = look(path)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert (after - before) * 1024 < MEMORY
        assert [one.purpose for one in found.verdicts] == list(PURPOSES)
        assert [one.path for one in found.files] == [name]
        assert not canary.sang
        return found.verdicts[0].outcome == "refused"

    return surviving


@fuzzed
@given(changes=st.lists(mutation, min_size=1, max_size=4))
def test_a_changed_onnx_file_always_gives_a_record(survives, model, changes) -> None:
    survives("m.onnx", mutated(model().SerializeToString(), changes))


@fuzzed
@given(changes=st.lists(mutation, min_size=1, max_size=4))
def test_a_changed_safetensors_file_always_gives_a_record(survives, tensors, changes) -> None:
    survives("m.safetensors", mutated(tensors().read_bytes(), changes))


@fuzzed
@given(changes=st.lists(mutation, min_size=1, max_size=4))
def test_a_changed_payload_always_gives_a_record(survives, canary, changes) -> None:
    survives("w.bin", mutated(canary.payload, changes))


@fuzzed
@given(changes=st.lists(mutation, min_size=1, max_size=4))
def test_a_changed_checkpoint_always_gives_a_record(survives, canary, changes) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr(zipfile.ZipInfo("m/data.pkl"), canary.payload)
        made.writestr(zipfile.ZipInfo("m/data/0"), bytes(16))
    survives("w.pt", mutated(out.getvalue(), changes))


@fuzzed
@given(data=st.binary(max_size=300), name=st.sampled_from(["m.onnx", "m.safetensors", "w.pt"]))
def test_any_bytes_give_a_record(survives, data, name) -> None:
    survives(name, data)


@pytest.mark.parametrize("kind", ["header", "shape", "offsets"])
def test_one_number_changed_in_a_safetensors_header_is_refused(tensors, survives, kind) -> None:
    path = tensors()
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header, draw = json.loads(data[8 : 8 + size]), random.Random(kind)
    for _ in range(60):
        changed = json.loads(json.dumps(header))
        length = size
        if kind == "header":
            length = draw.choice([0, 1, size - 1, size + 1, 1 << 31, 1 << 63])
        elif kind == "shape":
            changed["a"]["shape"][draw.randrange(2)] += draw.choice([-9, -1, 1, 1 << 40])
        else:
            changed["a"]["data_offsets"][draw.randrange(2)] += draw.choice([-9, -1, 1, 1 << 40])
        text = json.dumps(changed).encode()
        length = length if kind == "header" else len(text)
        assert survives("m.safetensors", length.to_bytes(8, "little") + text + data[8 + size :])


def test_changes_on_top_of_a_payload_never_let_it_through(survives, canary) -> None:
    """While the payload's name is in the stream, no change elsewhere hides it."""
    draw = random.Random(5)
    for _ in range(200):
        data = bytearray(canary.hidden)
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        called = _calls(bytes(data))
        assert survives("w.bin", bytes(data)) or not called


def _calls(data: bytes) -> bool:
    """Whether the real machine, in which every name stands for a harmless one, is asked for any."""

    class Spy(pickle.Unpickler):
        asked = False

        def find_class(self, module, name):
            self.asked = True
            return lambda *_: None

    spy = Spy(io.BytesIO(data))
    try:
        spy.load()
    except Exception:
        return spy.asked
    return spy.asked


def test_nothing_is_left_in_the_folder_for_temporary_files(
    survives, model, tmp_path: Path, monkeypatch
) -> None:
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(room))
    survives("m.onnx", model().SerializeToString())
    assert list(room.iterdir()) == []
