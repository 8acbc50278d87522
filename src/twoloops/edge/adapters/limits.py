"""How large one input may be, and what its file is called, by the task's kind."""

from twoloops.records.task import Kind

LARGEST: dict[Kind, int] = {"text": 64 << 10, "signal": 16 << 20, "image": 32 << 20}
"""Bytes of one input: as the server takes them."""

SUFFIXES: dict[Kind, tuple[str, ...]] = {
    "text": (".txt",),
    "signal": (".npy",),
    "image": (".png", ".jpg", ".jpeg", ".bmp"),
}
