"""How much one input costs an encoder: multiply-adds, counted from the shapes of its graph."""

import math

import onnx

TOKENS = 32
"""A typical text has about so many, as MiniLM's own card here assumes."""
WEIGHTED = {"MatMul": 1, "Gemm": 1, "MatMulInteger": 1, "DynamicQuantizeMatMul": 1}


def operations(model: onnx.ModelProto, *, free: int = TOKENS) -> int:
    """Return the multiply-adds of one input.

    Matrix products cost rows × inner × columns, convolutions output × kernel × channels a group.
    Where shapes cannot be inferred, a stored matrix counts once (`free` times for tokens).

    Args:
        model: The graph with its inputs.
        free: Stands for every free size but the batch, which is one.
    """
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    for value in fixed.graph.input:
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if not dim.HasField("dim_value"):
                dim.dim_value = 1 if axis == 0 else free
    try:
        fixed = onnx.shape_inference.infer_shapes(fixed, data_prop=True)
    except Exception:  # an estimate without shapes is better than no card
        fixed.CopyFrom(model)
    shapes = {
        one.name: [dim.dim_value for dim in one.type.tensor_type.shape.dim]
        for one in (*fixed.graph.value_info, *fixed.graph.output, *fixed.graph.input)
    }
    stored = {one.name: list(one.dims) for one in fixed.graph.initializer}
    return sum(_of(node, shapes, stored, free) for node in fixed.graph.node)


def _of(
    node: onnx.NodeProto, shapes: dict[str, list[int]], stored: dict[str, list[int]], free: int
) -> int:
    weights = next((stored[name] for name in node.input[1:2] if name in stored), None)
    out = shapes.get(node.output[0], [])
    known = bool(out) and all(size > 0 for size in out)
    if node.op_type in ("Conv", "ConvInteger", "QLinearConv"):
        kernel = weights or next((d for n in node.input if len(d := stored.get(n, [])) == 4), [])
        per_pixel = math.prod(kernel[1:])
        return math.prod(out) * per_pixel if known else math.prod(kernel)
    if node.op_type not in WEIGHTED:
        return 0
    if weights is not None and len(weights) == 2:
        rows = math.prod(out) // max(out[-1], 1) if known else free
        return rows * math.prod(weights)
    left = shapes.get(node.input[0], [])
    return math.prod(out) * left[-1] if known and left and left[-1] > 0 else 0
