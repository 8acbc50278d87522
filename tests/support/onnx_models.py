"""A model file of a few nodes, for tests that need a real one."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper


def onnx_bytes(
    properties: dict[str, str], *, scale: float = 1.0, outputs: int = 3, epsilon: float = 1e-9
) -> bytes:
    """A model of a one-sample window (2 channels): softmax over (x0, x1) × scale; the embedding
    is the window, the novelty x0 / (x0 + epsilon)."""
    initializers = [
        numpy_helper.from_array(np.array([scale], np.float32), "scale"),
        numpy_helper.from_array(np.array([epsilon], np.float32), "epsilon"),
        numpy_helper.from_array(np.array([0], np.int64), "zero"),
    ]
    nodes = [
        helper.make_node("Flatten", ["window"], ["embedding"]),
        helper.make_node("Mul", ["embedding", "scale"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node("Gather", ["embedding", "zero"], ["first"], axis=1),
        helper.make_node("Add", ["first", "epsilon"], ["shifted"]),
        helper.make_node("Div", ["first", "shifted"], ["novelty"]),
    ]
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("window", TensorProto.FLOAT, ["n", 2, 1])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 2]),
            helper.make_tensor_value_info("novelty", TensorProto.FLOAT, ["n", 1]),
        ][:outputs],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    helper.set_model_props(model, properties)
    return model.SerializeToString()
