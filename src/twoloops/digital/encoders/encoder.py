"""A folder of vetted files → a base: the publisher's ONNX encoder with preprocess and pooling."""

from dataclasses import dataclass

import onnx

from twoloops.digital.base import Base
from twoloops.digital.encoders import picture, text
from twoloops.digital.encoders.counting import operations
from twoloops.digital.encoders.files import Files
from twoloops.digital.encoders.graph import load, needed_inputs, shape_of
from twoloops.digital.encoders.trial import try_out
from twoloops.digital.graphs import EMBEDDING, Sketch, new_model, parameters, seal
from twoloops.edge.metadata import to_properties
from twoloops.records.base import Ancestor, BaseCard
from twoloops.records.digests import Digest
from twoloops.records.errors import UserError
from twoloops.records.preprocess import Preprocess, Step
from twoloops.records.task import Kind

PREFIX = "encoder."


@dataclass(frozen=True)
class Said:
    """What is said of an encoder, by its vetting.

    Attributes:
        name: The base's name here.
        licence: SPDX expression, or `unknown`.
        publisher: Who published it.
        origin: The publisher's country, or `unknown`.
        revision: What pins it.
        lineage: Its ancestors, nearest first.
        source: Where it was published, where others can reach that.
    """

    name: str
    licence: str
    publisher: str
    origin: str
    revision: str
    lineage: tuple[Ancestor, ...] = ()
    source: str | None = None


def encoder(files: Files, said: Said, path: str | None = None) -> Base:
    """Return the base that vetted files make; it has run on a few inputs before it is returned.

    Embeddings are brought to unit length, so that none outweighs another in a concatenation.

    Args:
        files: An ONNX file and its side files, named as the Hugging Face Hub's libraries do.
        said: For the card.
        path: Which ONNX file, where there are several.

    Raises:
        UserError: There is no such file, or nothing here can prepare its input.
    """
    chosen = _chosen(files, path)
    model = load(files, chosen)
    domains = [one for one in model.opset_import if one.domain not in ("", "ai.onnx")]
    kind = _kind(model.graph, chosen)
    # Prefixed throughout: the publisher's tensor names must not meet ours.
    graph = onnx.compose.add_prefix_graph(model.graph, PREFIX)
    graph.name = "base"
    sketch = Sketch("pool.")
    step, assets, vector = _joined(kind, graph, files, sketch)
    unit = sketch.unit(vector)
    sketch.nodes.append(
        onnx.helper.make_node("Identity", [unit], [EMBEDDING], name=f"n_{EMBEDDING}")
    )
    _put(graph, sketch)
    del graph.output[:]
    graph.output.append(
        onnx.helper.make_tensor_value_info(EMBEDDING, onnx.TensorProto.FLOAT, ["n", "d"])
    )
    made = new_model(graph, domains)
    properties = to_properties(Preprocess((step,)), assets)
    dimension = try_out(seal(made, properties), kind, step)
    graph_made = made.graph
    graph_made.output[0].type.tensor_type.shape.dim[1].dim_value = dimension
    card = BaseCard(
        name=said.name,
        kind="open model",
        input=kind,
        dimension=dimension,
        parameters=parameters(graph_made),
        operations=operations(made),
        licence=said.licence,
        publisher=said.publisher,
        origin=said.origin,
        revision=said.revision,
        lineage=said.lineage,
        sources=(said.source,) if said.source else (),
    )
    return Base(card, seal(made, properties))


def _chosen(files: Files, path: str | None) -> str:
    found = files.of_kind("onnx")
    if path is not None:
        if path not in found:
            raise UserError(f"there is no ONNX file {path!r}: give one of {found}")
        return path
    if not found:
        raise UserError(
            "no ONNX file: an encoder is taken as ONNX (a repository's folder onnx/, or exported "
            "with  optimum-cli export onnx --opset 17 ); safetensors alone cannot be run here"
        )
    plain = [one for one in found if one.rpartition("/")[2] in ("model.onnx", "encoder.onnx")]
    if len(found) > 1 and not plain:
        raise UserError(f"several ONNX files: choose one of {found} with  --file")
    return (plain or found)[0]


def _kind(graph: onnx.GraphProto, path: str) -> Kind:
    if text.fits(graph):
        return "text"
    if picture.is_picture(graph):
        return "image"
    if picture.is_window(graph):
        return "signal"
    wanted = {one.name: shape_of(one) for one in needed_inputs(graph)}
    raise UserError(
        f"{path} takes {wanted}: tokens (input_ids, attention_mask), one picture (n, 3, height, "
        "width) or one window (n, channels, samples) can be prepared; choose an encoder"
    )


def _joined(
    kind: Kind, graph: onnx.GraphProto, files: Files, sketch: Sketch
) -> tuple[Step, dict[Digest, str], str]:
    """Return the step, what it needs beside it, and the tensor with one vector an input."""
    if kind == "text":
        tokens, vocabulary = text.step_of(files, PREFIX)
        vector = text.join(graph, files, tokens, sketch)
        return tokens, {tokens.vocabulary: vocabulary}, vector
    step = (
        picture.picture_step(graph, files, "picture")
        if kind == "image"
        else picture.window_step(graph, "window")
    )
    return step, {}, picture.join(graph, step, PREFIX, sketch)


def _put(graph: onnx.GraphProto, sketch: Sketch) -> None:
    """Add our nodes: those that prepare the inputs must stand before those that use them."""
    nodes = list(graph.node)
    ours = list(sketch.nodes)
    made = {name for node in nodes for name in node.output}
    before: list[onnx.NodeProto] = []
    after: list[onnx.NodeProto] = []
    for node in ours:
        needs = made & set(node.input)
        (after if needs else before).append(node)
        if needs:
            made |= set(node.output)
    del graph.node[:]
    graph.node.extend([*before, *nodes, *after])
    graph.initializer.extend(sketch.constants)
