"""Which operators a model calls: only known ones, by domain, name and version."""

from collections import defaultdict
from functools import cache
from typing import Any

from twoloops.digital.vetting.book import Book, many, shown
from twoloops.digital.vetting.scopes import MAIN, domain, node_place, scopes

CHECK = "operators"
CONTRIB = "com.microsoft"
LEARNING = "ai.onnx.ml"
DOMAINS = (MAIN, LEARNING, CONTRIB)
NAMED = frozenset({
    "Attention", "BiasAdd", "BiasDropout", "BiasGelu", "BiasSoftmax", "BiasSplitGelu",
    "ConvTransposeWithDynamicPads", "DecoderMaskedMultiHeadAttention", "DequantizeLinear",
    "DynamicQuantizeLSTM", "DynamicQuantizeMatMul", "EmbedLayerNormalization", "FastGelu",
    "FusedConv", "FusedGemm", "FusedMatMul", "FusedMatMulActivation", "Gelu",
    "GatedRelativePositionBias", "GatherBlockQuantized", "GemmaRotaryEmbedding", "GroupNorm",
    "GroupQueryAttention", "Inverse", "LongformerAttention", "MatMulInteger16",
    "MatMulIntegerToFloat", "MatMulNBits", "MultiHeadAttention", "NGramRepeatBlock",
    "NhwcMaxPool", "PackedAttention", "PackedMultiHeadAttention", "Pad", "QAttention",
    "QEmbedLayerNormalization", "QGemm", "QLinearAdd", "QLinearAveragePool", "QLinearConcat",
    "QLinearConv", "QLinearGlobalAveragePool", "QLinearLeakyRelu", "QLinearMul",
    "QLinearReduceMean", "QLinearSigmoid", "QLinearSoftmax", "QLinearWhere", "QMoE",
    "QuantizeLinear", "QuickGelu", "RelativePositionBias", "RemovePadding", "RestorePadding",
    "RotaryEmbedding", "SimplifiedLayerNormalization", "SkipGroupNorm", "SkipLayerNormalization",
    "SkipSimplifiedLayerNormalization", "TransposeMatMul", "Trilu", "UnfoldTensor",
})  # fmt: skip
"""Operators of onnxruntime that compute on tensors and do nothing else. Left out on purpose:
`EPContext` (names a compiled file), `PythonOp` and `ATen` (call code), samplers and searches that
run a model within the model."""
CONTROL = {"If", "Loop", "Scan"}
OLDEST_OPSET = 7
OLDEST_IR = 3


def inspect_operators(model: Any, file: str, book: Book) -> None:
    """Check versions, functions, and every node of every graph.

    Args:
        model: The parsed `ModelProto`.
        file: Its file's name in the findings.
        book: Where findings go.
    """
    functions = {(domain(one.domain), one.name) for one in model.functions}
    _versions(model, file, book)
    _functions(model, functions, file, book)
    calls: dict[Any, set[tuple[str, str]]] = defaultdict(set)
    wrong: dict[str, list[str]] = defaultdict(list)
    control: list[str] = []
    nodes = graphs = 0
    for scope in scopes(model):
        graphs += 1
        for number, node in enumerate(scope.nodes):
            nodes += 1
            key = (domain(node.domain), node.op_type)
            if key in functions:
                calls[scope.function].add(key)
                continue
            problem = _unknown(key, scope.opsets)
            if problem:
                wrong[problem].append(node_place(scope, number, node))
            if key[0] == MAIN and node.op_type in CONTROL:
                control.append(node_place(scope, number, node))
    for problem, places in wrong.items():
        more = f" (and {len(places) - 1:,} more)" if len(places) > 1 else ""
        book.refuse(CHECK, file, places[0] + more, problem, _allowed())
    if _circular(calls):
        book.refuse(CHECK, file, "functions", "a function that calls itself", "functions in order")
    if control:
        book.note(
            CHECK,
            file,
            control[0],
            f"{many(len(control), 'node')} of If, Loop or Scan: what runs depends on values",
            "look at what they depend on: a graph that behaves otherwise on some inputs needs them",
        )
    book.looked(CHECK, f"{file}: {many(nodes, 'node')} in {many(graphs, 'graph')}, bodies counted")


def _versions(model: Any, file: str, book: Book) -> None:
    import onnx

    newest_ir = int(onnx.IR_VERSION)
    if not OLDEST_IR <= model.ir_version <= newest_ir:
        book.refuse(CHECK, file, "ir_version", f"{model.ir_version}", f"{OLDEST_IR} to {newest_ir}")
    newest = {
        MAIN: onnx.defs.onnx_opset_version(),
        LEARNING: onnx.defs.onnx_ml_opset_version(),
        CONTRIB: 1,
    }
    holders = [
        ("opset_import", model),
        *((f"function {shown(f.name)}", f) for f in model.functions),
    ]
    for place, holder in holders:
        seen: set[str] = set()
        for entry in holder.opset_import:
            name = domain(entry.domain)
            if name in seen:
                book.refuse(CHECK, file, place, f"{shown(name)} twice", "each domain once")
            seen.add(name)
            oldest = OLDEST_OPSET if name == MAIN else 1
            if name in newest and not oldest <= entry.version <= newest[name]:
                book.refuse(
                    CHECK,
                    file,
                    place,
                    f"{shown(name)} {entry.version}",
                    f"{oldest} to {newest[name]}",
                )
            elif name not in newest and not any(f.domain == name for f in model.functions):
                book.note(CHECK, file, place, f"the domain {shown(name)}, of which no node is")


def _functions(model: Any, functions: set[tuple[str, str]], file: str, book: Book) -> None:
    if len(functions) < len(model.functions):
        book.refuse(CHECK, file, "functions", "a function defined twice", "each once")
    for name, operator in sorted(functions):
        if name in DOMAINS:
            book.refuse(
                CHECK,
                file,
                f"function {shown(operator)}",
                f"defined in {shown(name or 'ai.onnx')}, whose operators are the runtime's",
                "a domain of its own",
            )


@cache
def _known(operator: str, name: str, version: int) -> bool:
    import onnx

    try:
        onnx.defs.get_schema(operator, version, name)
    except onnx.defs.SchemaError:
        return False
    return True


def _unknown(key: tuple[str, str], opsets: dict[str, int]) -> str | None:
    """Return what is wrong with calling an operator, if anything is."""
    name, operator = key
    called = f"{shown(operator)} of {shown(name)}" if name else shown(operator)
    if name not in DOMAINS:
        return f"calls {called}, which neither the file nor a known runtime defines"
    if name == CONTRIB:
        return None if operator in NAMED else f"calls {called}, which is not on the list"
    if name not in opsets:
        return f"calls {called} without a version of it"
    # Versions out of range are found above; the schema lookup takes 32 bits.
    if not 0 < opsets[name] < 1 << 31 or not _known(operator, name, opsets[name]):
        return f"calls {called}, which version {opsets[name]} does not have"
    return None


def _allowed() -> str:
    return f"operators of ai.onnx and {LEARNING}, {len(NAMED)} of {CONTRIB}, functions in the file"


def _circular(calls: dict[Any, set[tuple[str, str]]]) -> bool:
    """Whether a function calls itself, by however many others: take away what calls nothing."""
    left = {key: set(called) for key, called in calls.items() if key is not None}
    while left:
        done = [key for key, called in left.items() if not called & left.keys()]
        if not done:
            return True
        for key in done:
            del left[key]
    return False
