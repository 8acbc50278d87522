"""Tensors of an ONNX file: sizes computed without wrapping round, data of exactly that size."""

import math
from typing import Any

from twoloops.digital.vetting.book import Book, many, shown
from twoloops.digital.vetting.scopes import MAIN, Held, domain, node_place, scopes, tensors

CHECK = "tensors"
RANK = 64
SMALL = 16
"""A constant that is a shape has at most this many numbers."""
STRING = 8
TYPED = ("float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")
SHAPED = {"ConstantOfShape": 0, "Expand": 1, "Tile": 1}
"""Operators that make as many numbers as an input says, and which input."""


def inspect_tensors(model: Any, file: str, book: Book) -> list[tuple[Held, int]]:
    """Check every tensor.

    Args:
        model: The parsed `ModelProto`.
        file: Its file's name in the findings.
        book: Where findings go.

    Returns:
        Those whose data lies outside of the file, each with the bytes it has to have.
    """
    outside, count, total = [], 0, 0
    for held in tensors(model):
        count += 1
        size = _size(held, file, book)
        if size is None:
            continue
        total += size
        tensor = held.tensor
        if tensor.HasField("segment"):
            book.refuse(CHECK, file, held.place, "a segment of a tensor", "whole tensors")
        elif tensor.data_location == 1 or tensor.external_data:
            if _may_lie_outside(held, file, book):
                outside.append((held, size))
        else:
            _inside(held, size, file, book)
    _made(model, file, book)
    book.looked(
        CHECK, f"{file}: {many(count, 'tensor')} of {total:,} bytes, {len(outside):,} outside"
    )
    return outside


def bits(data_type: int) -> int | None:
    """Return the width of one element on disk; `None` for an unknown type, 0 for texts."""
    import onnx

    if data_type == STRING:
        return 0
    four = ("UINT4", "INT4", "FLOAT4E2M1")
    two = ("UINT2", "INT2")
    try:
        name = onnx.TensorProto.DataType.Name(data_type)
        if name == "UNDEFINED":
            return None
        if name in four or name in two:
            return 4 if name in four else 2
        return int(onnx.helper.tensor_dtype_to_np_dtype(data_type).itemsize) * 8
    except (ValueError, KeyError):
        return None


def _size(held: Held, file: str, book: Book) -> int | None:
    """Return the bytes a tensor takes by its shape and type; 0 for texts."""
    tensor = held.tensor
    width = bits(tensor.data_type)
    if width is None:
        book.refuse(CHECK, file, held.place, f"element type {tensor.data_type}", "a known type")
        return None
    dims = list(tensor.dims)
    if len(dims) > RANK or any(size < 0 for size in dims):
        book.refuse(
            CHECK, file, held.place, f"the shape {shown(dims)}", f"up to {RANK} sizes from 0 on"
        )
        return None
    size = -(-math.prod(dims) * (width or 8) // 8)
    if size > book.limits.tensor_bytes:
        words = f"{shown(dims)}: {size:.3g} bytes"
        book.refuse(CHECK, file, held.place, words, f"up to {book.limits.tensor_bytes:,}")
        return None
    return 0 if tensor.data_type == STRING else size


def _may_lie_outside(held: Held, file: str, book: Book) -> bool:
    tensor = held.tensor
    problem = None
    if held.part:
        problem = "a sparse tensor's data outside of the file"
    elif tensor.data_type == STRING:
        problem = "texts outside of the file"
    elif tensor.data_location != 1:
        problem = "a place outside of the file, and data within it"
    elif tensor.HasField("raw_data") or any(len(getattr(tensor, one)) for one in TYPED):
        problem = "data both within the file and outside"
    if problem:
        book.refuse(CHECK, file, held.place, problem, "data in one place")
    return problem is None


def _inside(held: Held, size: int, file: str, book: Book) -> None:
    """Check that a tensor's data is of exactly its size, in one field."""
    tensor = held.tensor
    filled = [one for one in TYPED if len(getattr(tensor, one))]
    raw = tensor.HasField("raw_data")
    if len(filled) + raw > 1:
        book.refuse(CHECK, file, held.place, "data in several fields", "data in one field")
        return
    if raw:
        if tensor.data_type == STRING or len(tensor.raw_data) != size:
            book.refuse(CHECK, file, held.place, f"{len(tensor.raw_data):,} bytes", f"{size:,}")
        return
    if not filled:
        if math.prod(tensor.dims):
            book.refuse(CHECK, file, held.place, "no data", f"{math.prod(tensor.dims):,} numbers")
        return
    numbers = len(getattr(tensor, filled[0]))
    wanted = {math.prod(tensor.dims), *_packed(tensor)}
    if numbers not in wanted:
        book.refuse(CHECK, file, held.place, f"{many(numbers, 'number')}", f"{max(wanted):,}")


def _packed(tensor: Any) -> set[int]:
    """Other counts a type may have: complex numbers take two, those below a byte share one."""
    count, width = math.prod(tensor.dims), bits(tensor.data_type) or 8
    if tensor.data_type in (14, 15):  # COMPLEX64, COMPLEX128
        return {2 * count}
    return {-(-count * width // 8)} if width < 8 else set()


def _made(model: Any, file: str, book: Book) -> None:
    """Refuse an operator that makes far too many numbers out of a constant shape.

    A file of a hundred bytes can ask for all memory that way. Shapes that are computed are not
    known before it runs.
    """
    import numpy as np
    from onnx import numpy_helper

    cap = book.limits.made_elements
    for scope in scopes(model):
        constants = {}
        if scope.graph is not None:
            constants = {one.name: one for one in scope.graph.initializer}
        for node in scope.nodes:
            if node.op_type == "Constant" and node.output:
                for one in node.attribute:
                    if one.HasField("t"):
                        constants[node.output[0]] = one.t
        for number, node in enumerate(scope.nodes):
            if domain(node.domain) != MAIN:
                continue
            sizes = [list(one.ints) for one in node.attribute if one.name == "shape"]
            place = SHAPED.get(node.op_type)
            if place is not None and len(node.input) > place:
                tensor = constants.get(node.input[place])
                if (
                    tensor is not None
                    and math.prod(tensor.dims) <= SMALL
                    and not tensor.external_data
                ):
                    array = book.guarded(CHECK, file, numpy_helper.to_array, tensor)
                    if array is not None and np.issubdtype(array.dtype, np.integer):
                        sizes.append([int(size) for size in array.ravel()])
            for one in sizes:
                if math.prod(max(size, 0) for size in one) > cap:
                    at = node_place(scope, number, node)
                    words = f"makes {shown(one)} numbers"
                    book.refuse(CHECK, file, at, words, f"up to {cap:,}")
