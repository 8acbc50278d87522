"""ONNX, opened the safe way: counted on the wire, parsed, walked, and only then the checker."""

from collections import Counter
from pathlib import Path
from typing import Any

from twoloops.digital.vetting.book import Book, shown
from twoloops.digital.vetting.checker import Checker
from twoloops.digital.vetting.external import Find, inspect_external
from twoloops.digital.vetting.operators import inspect_operators
from twoloops.digital.vetting.tensors import inspect_tensors
from twoloops.digital.vetting.wire import WireError, measure

CHECK = "onnx"
RUNTIME_KEYS = ("ort_config", "session.", "ep_context", "ep_cache")
"""Metadata by which a file would set options of the runtime."""


def inspect_onnx(
    path: Path, file: str, find: Find, checker: Checker, book: Book
) -> tuple[str, ...]:
    """Check an ONNX file and the files with its data.

    Args:
        path: The private copy.
        file: Its path below the root.
        find: Finds the private copy of a file with data.
        checker: Told to look only where nothing has refused the file before.
        book: Where findings go.

    Returns:
        The files that hold its data.
    """
    model = _parsed(path, file, book)
    if model is None:
        return ()
    _properties(model, file, book)
    inspect_operators(model, file, book)
    outside = inspect_tensors(model, file, book)
    named = inspect_external(outside, file, find, book)
    del model, outside
    if not any(book.refused(one) for one in (file, *named)):
        problem = checker(path, book.limits)
        book.looked("onnx.checker", file)
        if problem is not None:
            book.refuse("onnx.checker", file, "", shown(problem), "a model that passes it")
    return named


def _parsed(path: Path, file: str, book: Book) -> Any:
    import onnx

    size = path.stat().st_size
    if size > book.limits.onnx_bytes:
        cap = f"up to {book.limits.onnx_bytes:,}; larger weights go beside the file"
        book.refuse(CHECK, file, "", f"{size:,} bytes", cap)
        return None
    data = path.read_bytes()
    try:
        wire = measure(data, onnx.ModelProto.DESCRIPTOR, book.limits)
        model = onnx.ModelProto.FromString(data)
    except WireError as error:
        book.refuse(CHECK, file, "", f"no ONNX file that is read: {shown(error)}", "a whole one")
        return None
    except Exception as error:  # protobuf's own error differs between its implementations
        book.refuse(CHECK, file, "", f"no ONNX file: {shown(error)}", "a whole one")
        return None
    if wire.unknown:
        got = f"fields unknown to onnx {onnx.__version__}: {', '.join(wire.unknown[:10])}"
        book.needs(CHECK, file, "", got, "an onnx that knows them, or a file without them")
    if not model.HasField("graph") or not len(model.graph.node):
        book.refuse(CHECK, file, "", "no graph, or one without nodes", "a model")
        return None
    book.looked(CHECK, f"{file}: {wire.fields:,} fields in {size:,} bytes")
    return model


def _properties(model: Any, file: str, book: Book) -> None:
    if model.training_info:
        book.refuse(CHECK, file, "training_info", "graphs for training", "a model to be run")
    times = Counter(entry.key for entry in model.metadata_props)
    for key in sorted(key for key, count in times.items() if count > 1):
        book.refuse(CHECK, file, f"metadata {shown(key)}", "the key twice", "every key once")
    for entry in model.metadata_props:
        if entry.key.lower().startswith(RUNTIME_KEYS):
            place = f"metadata {shown(entry.key)}"
            book.refuse(CHECK, file, place, "options of the runtime", "options of one's own")
