"""How much vetting reads before it refuses: every number that comes out of a file has a cap."""

import msgspec

MiB = 1 << 20
GiB = 1 << 30


class Limits(msgspec.Struct, frozen=True):
    """Caps; sizes in bytes.

    Args:
        files: Files in a folder, folders counted.
        depth: Folders within folders.
        file_bytes: One file.
        total_bytes: All files, which are copied before they are looked at.
        text_bytes: A JSON or text file that is read as a whole.
        onnx_bytes: An ONNX file; protobuf itself ends at 2 GiB.
        onnx_fields: Fields of an ONNX file; a field of two bytes takes over a hundred in memory.
        onnx_depth: Messages within messages; a subgraph takes three.
        tensor_bytes: One tensor.
        made_elements: Numbers an operator makes out of a constant shape.
        header_bytes: The header of a safetensors file.
        pickle_bytes: One pickle stream, the raw storages of a checkpoint not counted.
        opcodes: Instructions of all pickle streams of a file.
        nested: Pickles within pickles.
        members: Members of an archive.
        unpacked_bytes: What an archive may unpack to.
        ratio: Unpacked to packed; deflate itself ends at about 1,032.
        checker_seconds: CPU time of the ONNX checker, which runs in a process of its own.
        checker_bytes: Memory of that process.
        findings: Findings told of one kind in one file; the rest is counted.
    """

    files: int = 10_000
    depth: int = 16
    file_bytes: int = 16 * GiB
    total_bytes: int = 32 * GiB
    text_bytes: int = 64 * MiB
    onnx_bytes: int = 2 * GiB - 1
    onnx_fields: int = 1_000_000
    onnx_depth: int = 60
    tensor_bytes: int = 8 * GiB
    made_elements: int = 1 << 28
    header_bytes: int = 16 * MiB
    pickle_bytes: int = 64 * MiB
    opcodes: int = 3_000_000
    nested: int = 3
    members: int = 10_000
    unpacked_bytes: int = 4 * GiB
    ratio: int = 200
    checker_seconds: int = 120
    checker_bytes: int = 8 * GiB
    findings: int = 20


DEFAULT = Limits()
