"""Good files to be spoilt, and a canary that tells whether anything was performed."""

import json
import os
import pickle
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from twoloops.digital.vetting.limits import DEFAULT, Limits
from twoloops.digital.vetting.subjects import Subject
from twoloops.digital.vetting.vet import vet
from twoloops.records.finding import Finding, Vetting

TODAY = date(2026, 11, 23)


def check_here(path: Path, _: Limits) -> str | None:
    """Run the ONNX checker in this process, which is faster; its own process has its own test."""
    try:
        onnx.checker.check_model(str(path))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


class Canary:
    """Writes a file when it is unpickled; `gadget(function, …)` calls any other function."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Made now, since a test may take os.system away to see whether it is called.
        self.payload = pickle.dumps(self)
        self.hidden = pickle.dumps({"a": [1, 2, 3], "w": self, "z": "text"}, 4)

    @property
    def sang(self) -> bool:
        return self.path.exists()

    @property
    def command(self) -> str:
        return f"touch {self.path}"

    def __reduce__(self):
        return os.system, (self.command,)

    def gadget(self, function: Callable, *arguments: object) -> object:
        class Gadget:
            def __reduce__(self):
                return function, arguments

        return Gadget()


@pytest.fixture
def canary(tmp_path: Path):
    bird = Canary(tmp_path / "canary")
    yield bird
    assert not bird.sang, "something was executed"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    return made


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., Vetting]:
    """Return a function that vets a path."""

    def looking(path: Path, limits: Limits = DEFAULT, **others: object) -> Vetting:
        options = {"checker": check_here, **others}
        subject = Subject(path.name, path=path)
        return vet(subject, today=TODAY, cache=tmp_path / "cache", limits=limits, **options)

    return looking


@pytest.fixture
def refusals(look) -> Callable[..., list[Finding]]:
    """Return a function that vets a path and gives what refuses it."""

    def looking(path: Path, limits: Limits = DEFAULT) -> list[Finding]:
        found = look(path, limits)
        refusing = [one for one in found.findings if one.severity == "refuse"]
        outcomes = {verdict.outcome for verdict in found.verdicts}
        assert bool(refusing) == (outcomes == {"refused"})
        return refusing

    return looking


@pytest.fixture
def model() -> Callable[..., onnx.ModelProto]:
    """Return a function that makes a good model: y = x·w + b."""

    def make(nodes=None, constants=None, **words) -> onnx.ModelProto:
        w = numpy_helper.from_array(np.arange(12, dtype=np.float32).reshape(3, 4), "w")
        b = numpy_helper.from_array(np.ones(4, dtype=np.float32), "b")
        graph = helper.make_graph(
            nodes
            or [
                helper.make_node("MatMul", ["x", "w"], ["h"], name="first"),
                helper.make_node("Add", ["h", "b"], ["y"], name="second"),
            ],
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "m"])],
            [w, b] if constants is None else constants,
        )
        words = {"opset_imports": [helper.make_opsetid("", 17)], "ir_version": 10, **words}
        return helper.make_model(graph, **words)

    return make


@pytest.fixture
def outside(folder: Path, model) -> Callable[..., Path]:
    """Return a function that writes a model whose `w` lies in a file beside it."""

    def write(location: str = "weights.data", data: bytes | None = None, **entries: str) -> Path:
        made = model()
        tensor = made.graph.initializer[0]
        raw = tensor.raw_data
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, **entries}.items():
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value
        if data != b"":
            (folder / "weights.data").write_bytes(raw if data is None else data)
        path = folder / "model.onnx"
        path.write_bytes(made.SerializeToString())
        return path

    return write


def safetensors(header: object, data: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


GOOD = {
    "__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "I64", "shape": [], "data_offsets": [24, 32]},
}


@pytest.fixture
def tensors(folder: Path) -> Callable[..., Path]:
    """Return a function that writes a safetensors file, good unless told otherwise."""

    def write(header: object = None, data: bytes = bytes(32)) -> Path:
        path = folder / "model.safetensors"
        path.write_bytes(safetensors(GOOD if header is None else header, data))
        return path

    return write
