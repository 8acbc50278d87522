"""Image and signal encoders: side files and shapes → a preprocess step; features → one vector."""

from typing import Any

import onnx

from twoloops.digital.encoders.files import Files
from twoloops.digital.encoders.graph import needed_inputs, rank_of, shape_of
from twoloops.digital.graphs import Sketch, step_inputs
from twoloops.records.errors import UserError
from twoloops.records.preprocess import Picture, Window

VECTORS = ("image_embeds", "pooler_output")
STATES = "last_hidden_state"
SIDE = 224
"""Pixels, where neither the graph nor a side file says."""


def is_picture(graph: onnx.GraphProto) -> bool:
    """Whether a graph takes one picture: a tensor of four axes, three of them colours."""
    inputs = needed_inputs(graph)
    shape = shape_of(inputs[0]) if len(inputs) == 1 else []
    return len(shape) == 4 and (shape[1] in (3, None) or shape[3] == 3)


def is_window(graph: onnx.GraphProto) -> bool:
    """Whether a graph takes one window of a signal: (n, channels, samples), both fixed."""
    inputs = needed_inputs(graph)
    shape = shape_of(inputs[0]) if len(inputs) == 1 else []
    return len(shape) == 3 and shape[1] is not None and shape[2] is not None


def picture_step(graph: onnx.GraphProto, files: Files, output: str) -> Picture:
    """Return how a picture is prepared: the graph's own size, else the side files'.

    Raises:
        UserError: A side file says something that is no size or no colour scale.
    """
    shape = shape_of(needed_inputs(graph)[0])
    sides = shape[1:3] if shape[3] == 3 else shape[2:4]
    said = files.settings("preprocessor_config.json")
    timm = files.settings("config.json").get("pretrained_cfg") or {}
    height, width = (side or _side(said, timm, axis) for axis, side in enumerate(sides))
    plain = said.get("do_normalize", True) is not True
    mean = said.get("image_mean", timm.get("mean")) if not plain else None
    deviation = said.get("image_std", timm.get("std")) if not plain else None
    return Picture(height, width, _colours(mean, 0.0), _colours(deviation, 1.0), output)


def _side(said: dict[str, Any], timm: dict[str, Any], axis: int) -> int:
    for value in (said.get("crop_size"), said.get("size"), timm.get("input_size")):
        if isinstance(value, dict):
            value = value.get(("height", "width")[axis], value.get("shortest_edge"))
        elif isinstance(value, list) and len(value) == 3:
            value = value[1 + axis]
        if isinstance(value, int) and 8 <= value <= 2048:
            return value
    return SIDE


def _colours(said: Any, otherwise: float) -> tuple[float, float, float]:
    if said is None:
        return (otherwise, otherwise, otherwise)
    numbers = [float(one) for one in said if isinstance(one, int | float)]
    if len(numbers) != 3 or (otherwise == 1.0 and min(numbers) <= 0):
        raise UserError(
            f"the side files scale colours by {said!r}: three numbers (deviations above 0) were "
            "expected; correct preprocessor_config.json"
        )
    return (numbers[0], numbers[1], numbers[2])


def window_step(graph: onnx.GraphProto, output: str) -> Window:
    """Return how a window is read."""
    _, channels, samples = shape_of(needed_inputs(graph)[0])
    assert channels is not None
    assert samples is not None
    return Window(channels, samples, output)


def join(graph: onnx.GraphProto, step: Picture | Window, prefix: str, sketch: Sketch) -> str:
    """Connect the prepared tensor to a prefixed graph; return the tensor (n, d).

    Raises:
        UserError: No output is a vector, a row of vectors or a map of them.
    """
    (wanted,) = needed_inputs(graph)
    source = step.output
    if isinstance(step, Picture) and shape_of(wanted)[3] == 3 and shape_of(wanted)[1] != 3:
        source = sketch.node("Transpose", source, perm=[0, 2, 3, 1])
    for node in graph.node:
        node.input[:] = [source if one == wanted.name else one for one in node.input]
    del graph.input[:]
    graph.input.extend(step_inputs(step))
    outputs = {one.name.removeprefix(prefix): one for one in graph.output}
    names = [name for name in (*VECTORS, STATES) if name in outputs]
    found = outputs[names[0]] if names else graph.output[0]
    rank = rank_of(found)
    if rank == 2:
        return str(found.name)
    if rank == 4:
        return sketch.node("ReduceMean", found.name, axes=[2, 3], keepdims=0)
    if rank == 3 and isinstance(step, Picture):
        # The first token of a vision transformer stands for the whole picture.
        first = sketch.ints(0)
        token = sketch.node("Gather", found.name, first, axis=1)
        return sketch.node("Squeeze", token, sketch.ints(1))
    raise UserError(
        f"the encoder gives {sorted(outputs)} with {rank} axes: (n, d), for pictures also "
        "(n, tokens, d) or (n, d, height, width), was expected"
    )
