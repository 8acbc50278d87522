"""A published ONNX graph made fit to be merged: one file, functions inlined, one opset."""

import posixpath
from collections.abc import Iterator
from typing import Any

import onnx
from onnx import TensorProto

from twoloops.digital.encoders.files import Files
from twoloops.digital.graphs import OPSET
from twoloops.records.errors import UserError

MAIN = ("", "ai.onnx")


def load(files: Files, path: str) -> onnx.ModelProto:
    """Return the model of an ONNX file with all of its data inside, at the house's opset.

    Args:
        files: The vetted files.
        path: The ONNX file.

    Raises:
        UserError: It cannot be brought to opset `OPSET`, or its data lies where none was vetted.
    """
    try:
        model = onnx.load_from_string(files.read(path))
    except Exception as error:  # the parser's errors share no class of their own
        raise UserError(f"{path} is no ONNX file ({error}): give another one") from error
    _inside(model, files, posixpath.dirname(path))
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    return _lifted(model, path)


def tensors(model: onnx.ModelProto) -> Iterator[TensorProto]:
    """Yield every tensor stored in a model: initialisers and attributes, bodies included."""
    waiting = [model.graph]
    while waiting:
        graph = waiting.pop()
        yield from graph.initializer
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                yield from attribute.tensors
                if attribute.HasField("g"):
                    waiting.append(attribute.g)
                waiting.extend(attribute.graphs)


def _inside(model: onnx.ModelProto, files: Files, folder: str) -> None:
    """Bring data that lies in other files into the model; vetting has checked every range."""
    held: dict[str, bytes] = {}
    for tensor in tensors(model):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        where = {entry.key: entry.value for entry in tensor.external_data}
        path = posixpath.normpath(posixpath.join(folder, where["location"]))
        if path not in held:
            held[path] = files.read(path)
        start = int(where.get("offset", 0))
        end = start + int(where["length"]) if "length" in where else None
        tensor.raw_data = held[path][start:end]
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]


def _lifted(model: onnx.ModelProto, path: str) -> onnx.ModelProto:
    """Return the model at opset `OPSET`."""
    version = next((one.version for one in model.opset_import if one.domain in MAIN), OPSET)
    if version == OPSET:
        return model
    try:
        return onnx.version_converter.convert_version(model, OPSET)
    except Exception as error:  # the converter raises RuntimeError and others without a pattern
        reason = str(error).strip().splitlines()[0][:200]
        raise UserError(
            f"{path} has opset {version}, and it cannot be brought to {OPSET} ({reason}): give a "
            f"file that was exported with opset {OPSET}"
        ) from error


def shape_of(value: onnx.ValueInfoProto) -> list[int | None]:
    """Return a tensor's sizes, `None` where one is free; raises nothing for odd values."""
    kind: Any = value.type.tensor_type
    return [one.dim_value if one.HasField("dim_value") else None for one in kind.shape.dim]


def rank_of(value: onnx.ValueInfoProto) -> int | None:
    """Return how many axes a tensor has, or `None` where the file does not say."""
    kind = value.type.tensor_type
    return len(kind.shape.dim) if kind.HasField("shape") else None


def needed_inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """Return the inputs without a stored value."""
    stored = {one.name for one in graph.initializer}
    return [one for one in graph.input if one.name not in stored]
