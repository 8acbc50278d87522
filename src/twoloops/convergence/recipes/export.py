"""Write a specialised model as one ONNX file: the base's graph with the head's nodes behind it.

Outputs: `probabilities` (n, k), `embedding` (n, d), `novelty` (n,). The temperature is folded
into the linear map, so that the file equals the training side within 1e-5.
"""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from twoloops.convergence.recipes.head import Head
from twoloops.digital.base import Base
from twoloops.edge.metadata import CARD
from twoloops.records.base import ModelCard
from twoloops.records.digests import canonical

OUTPUTS = ("probabilities", "embedding", "novelty")


def export(base: Base, head: Head, card: ModelCard) -> bytes:
    """Return the bytes of the deployed model.

    Args:
        base: The encoder the head was fitted on.
        head: Its columns stand for `card.labels`, in that order.
        card: Goes into the file's metadata, beside the base's own preprocess record.
    """
    model = onnx.load_from_string(base.graph)
    constants, nodes = _head_nodes(head, base.card.sparse)
    model.graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in sorted(constants.items())
    )
    model.graph.node.extend(nodes)
    model.graph.output.append(
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", len(card.labels)])
    )
    model.graph.output.append(helper.make_tensor_value_info("novelty", TensorProto.FLOAT, ["n"]))
    # The base's own entries (preprocess record, vocabulary) stay as they are.
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    metadata[CARD] = canonical(card).decode()
    helper.set_model_props(model, dict(sorted(metadata.items())))
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _head_nodes(head: Head, sparse: int) -> tuple[dict[str, NDArray[Any]], list[onnx.NodeProto]]:
    """Constants and nodes that turn `embedding` into `probabilities` and `novelty`."""
    # Standardising the dense part is affine: it folds into the weights and the bias.
    weights = head.weights.copy()
    bias = head.bias - (head.scaling.mean * head.scaling.factor) @ weights[sparse:]
    weights[sparse:] *= head.scaling.factor[:, None]
    constants: dict[str, NDArray[Any]] = {
        # A folded mean that is large beside its deviation (a pressure of 150 ± 0.01) leaves few
        # digits in single precision; counts have none to fold.
        "head.weights": (weights / head.temperature).astype(np.float32 if sparse else np.float64),
        "head.bias": (bias / head.temperature).astype(np.float32 if sparse else np.float64),
        "head.centres": head.centres.T.astype(np.float32),
        "head.tiny": np.array(1e-6, np.float32),
        "head.reach": np.array(0.5 / max(head.reach, 1e-3), np.float32),
        "head.zero": np.array(0.0, np.float32),
        "head.one": np.array(1.0, np.float32),
        "head.tiny.exact": np.array(1e-6, np.float64),
        "head.one.exact": np.array(1.0, np.float64),
    }
    nodes = [helper.make_node("Cast", ["embedding"], ["head.exact"], to=TensorProto.DOUBLE)]
    scaled = "head.exact"
    if sparse:
        constants |= {
            "head.ratio": head.scaling.ratio.astype(np.float32),
            "head.start": np.array([0], np.int64),
            "head.sparse": np.array([sparse], np.int64),
            "head.end": np.array([len(head.weights)], np.int64),
            "head.axis": np.array([1], np.int64),
        }
        nodes += [
            helper.make_node(
                "Slice", ["embedding", "head.start", "head.sparse", "head.axis"], ["head.raw"]
            ),
            helper.make_node("Mul", ["head.raw", "head.ratio"], ["head.weighted"]),
            helper.make_node("ReduceL2", ["head.weighted"], ["head.length"], axes=[1]),
            helper.make_node("Max", ["head.length", "head.tiny"], ["head.safe"]),
            helper.make_node("Div", ["head.weighted", "head.safe"], ["head.counts"]),
        ]
        scaled = "head.counts"
        if sparse < len(head.weights):
            nodes += [
                helper.make_node(
                    "Slice", ["embedding", "head.sparse", "head.end", "head.axis"], ["head.rest"]
                ),
                helper.make_node("Concat", ["head.counts", "head.rest"], ["head.scaled"], axis=1),
            ]
            scaled = "head.scaled"
    nodes += [
        helper.make_node("Gemm", [scaled, "head.weights", "head.bias"], ["head.sums"]),
        helper.make_node("Cast", ["head.sums"], ["head.logits"], to=TensorProto.FLOAT),
        helper.make_node("Softmax", ["head.logits"], ["probabilities"], axis=1),
        # Novelty: distance to the nearest class's mean direction, in units of the head's reach.
        # 1 − cosine loses all its digits in single precision where directions lie close.
        helper.make_node("Cast", ["head.centres"], ["head.directions"], to=TensorProto.DOUBLE),
        helper.make_node("ReduceL2", ["head.exact"], ["head.norm"], axes=[1]),
        helper.make_node("Max", ["head.norm", "head.tiny.exact"], ["head.norm.safe"]),
        helper.make_node("MatMul", ["head.exact", "head.directions"], ["head.products"]),
        helper.make_node("Div", ["head.products", "head.norm.safe"], ["head.cosines"]),
        helper.make_node("ReduceMax", ["head.cosines"], ["head.nearest"], axes=[1], keepdims=0),
        helper.make_node("Sub", ["head.one.exact", "head.nearest"], ["head.gap"]),
        helper.make_node("Cast", ["head.gap"], ["head.far"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["head.far", "head.reach"], ["head.reached"]),
        helper.make_node("Clip", ["head.reached", "head.zero", "head.one"], ["novelty"]),
    ]
    return constants, nodes
