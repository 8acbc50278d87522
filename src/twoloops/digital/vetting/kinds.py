"""What a file is: by its first bytes before its name, since a loader believes the bytes."""

from pathlib import PurePosixPath

HEAD = 512
"""Bytes needed to say what a file is."""

PICKLES = {
    ".bin",
    ".pt",
    ".pth",
    ".pkl",
    ".pickle",
    ".ckpt",
    ".joblib",
    ".dill",
    ".th",
    ".pdparams",
}
TEXTS = {
    ".txt",
    ".md",
    ".rst",
    ".yaml",
    ".yml",
    ".csv",
    ".toml",
    ".cfg",
    ".html",
    ".vocab",
    ".gitignore",
}
TEXT_NAMES = {
    "license", "licence", "copying", "notice", "authors", "readme", "metadata", "record", "wheel",
    "installer", "requested", ".gitattributes", ".gitignore", "third_party_notices",
}  # fmt: skip
PROGRAMS = {
    ".py", ".pyc", ".pyo", ".pyw", ".pyd", ".so", ".dll", ".dylib", ".exe", ".sh", ".bash",
    ".bat", ".cmd", ".ps1", ".js", ".mjs", ".ipynb", ".jar", ".class", ".rb", ".pl", ".lua",
    ".whl", ".pth.py", ".wasm", ".cu", ".cpp", ".c",
}  # fmt: skip
WEIGHTS = {
    ".h5": "hdf5", ".hdf5": "hdf5", ".keras": "keras", ".pb": "tensorflow", ".tflite": "tflite",
    ".gguf": "gguf", ".ggml": "gguf", ".npy": "numpy", ".npz": "numpy", ".ort": "ort",
    ".mlmodel": "coreml", ".engine": "tensorrt", ".trt": "tensorrt", ".pdmodel": "paddle",
    ".msgpack": "flax", ".nemo": "tar", ".mar": "zip", ".llamafile": "program",
}  # fmt: skip
MAGIC = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"PK\x07\x08", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x7fELF", "program"),
    (b"MZ", "program"),
    (b"\xcf\xfa\xed\xfe", "program"),
    (b"\xca\xfe\xba\xbe", "program"),
    (b"#!", "program"),
    (b"GGUF", "gguf"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"\x93NUMPY", "numpy"),
)
ARCHIVES = {"zip", "tar", "gzip", "bzip2", "xz", "zstd", "lz4", "7z", "rar"}
FOREIGN = {*WEIGHTS.values()} - {"tar", "zip", "program"}
"""Formats of weights that are not accepted."""


def kind_of(path: str, head: bytes) -> str:
    """Return what a file is.

    Args:
        path: Its path; only the last name is looked at.
        head: Its first `HEAD` bytes.

    Returns:
        `onnx`, `safetensors`, `pickle`, `json`, `text`, `program`, an archive, a foreign format
        of weights, `empty`, or `unknown`.

    >>> kind_of("model.onnx", b"PK" + bytes([3, 4]))
    'zip'
    >>> kind_of("tokenizer.json", b"{}"), kind_of("weights.data", bytes([0] * 8))
    ('json', 'unknown')
    """
    name = PurePosixPath(path).name.lower()
    suffix = PurePosixPath(name).suffix
    if not head:
        return "empty"
    by_bytes = _by_bytes(head, suffix)
    if by_bytes is not None:
        return by_bytes
    if suffix in PROGRAMS:
        return "program"
    if suffix in WEIGHTS:
        return WEIGHTS[suffix]
    if suffix in (".onnx", ".safetensors", ".json"):
        return suffix[1:]
    if suffix in PICKLES:
        return "pickle"
    if suffix in TEXTS or name in TEXT_NAMES or name.partition(".")[0] in TEXT_NAMES:
        return "text"
    return "unknown"


def _by_bytes(head: bytes, suffix: str) -> str | None:
    if suffix == ".safetensors" and head[8:9] == b"{":
        # Eight bytes of length may look like anything.
        return "safetensors"
    for magic, kind in MAGIC:
        if head.startswith(magic):
            return kind
    if head[257:262] == b"ustar":
        return "tar"
    if head[4:8] in (b"ORTM", b"TFL3"):
        return "ort" if head[4:8] == b"ORTM" else "tflite"
    # PROTO and its number, then FRAME or anything at all.
    if head[0] == 0x80 and len(head) > 1 and head[1] <= 5:
        return "pickle"
    return None
