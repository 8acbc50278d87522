"""Side files: configurations that would load code, and cards with a script in them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twoloops.digital.vetting.book import Book, shown

CHECK = "configuration"
CARD = "card"
CODE_KEYS = {
    "auto_map": "names classes in files of the folder",
    "custom_pipelines": "names pipelines in files of the folder",
    "custom_objects": "names objects to import",
    "trust_remote_code": "asks that code of the folder be run",
}
"""Keys by which a loader is told to run code that comes with a model."""
MODULES = ("sentence_transformers.",)
"""Import paths that `modules.json` of sentence-transformers may name."""
ACTIVE = re.compile(
    rb"<\s*(script|iframe|object|embed|base|meta\s[^>]*refresh)\b|javascript\s*:|"
    rb"<[^>]{0,2000}?\son[a-z]{3,20}\s*=",
    re.IGNORECASE,
)
"""What a page that shows a card would run or load."""


def inspect_config(path: Path, file: str, book: Book) -> None:
    """Check a JSON file for keys by which a loader runs code."""
    data = _read(path, file, CHECK, book)
    if data is None:
        return
    try:
        content = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:
        book.needs(CHECK, file, "", f"no JSON: {shown(error)}", "JSON, or no file of that name")
        return
    count = 0
    for place, key, value in _entries(content):
        count += 1
        where = f"key {shown(place)[1:-1]}"
        if key in CODE_KEYS and value not in (None, False, [], {}, ""):
            book.refuse(CHECK, file, where, f"{CODE_KEYS[key]}: {_words(value)}", "weights alone")
        elif key == "type" and file.rpartition("/")[2] == "modules.json":
            if not str(value).startswith(MODULES):
                book.refuse(CHECK, file, where, f"imports {_words(value)}", f"{MODULES[0]}…")
        elif key == "chat_template":
            book.note(CHECK, file, where, "a template, which is a program of its own: not rendered")
    book.looked(CHECK, f"{file}: {count:,} keys")


def inspect_text(path: Path, file: str, book: Book) -> None:
    """Check a text for what a page that shows it would run."""
    data = _read(path, file, CARD, book)
    if data is None:
        return
    for found in ACTIVE.finditer(data):
        words = shown(found.group().decode("utf-8", "replace"))
        book.refuse(CARD, file, f"offset {found.start()}", f"active content: {words}", "plain text")
    if b"\0" in data:
        offset = data.index(b"\0")
        book.needs(CARD, file, f"offset {offset}", "a zero byte in a text", "text, or no such file")


class _Pairs(list[tuple[str, Any]]):
    """An object with its keys in order, the same key as often as it stands there."""


def _entries(content: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield (place, key, value) of every key, at any depth; each writing of a repeated key."""
    todo: list[tuple[str, Any]] = [("", content)]
    while todo:
        place, value = todo.pop()
        if isinstance(value, _Pairs):
            for key, inner in value:
                yield f"{place}/{key}", key, inner
                if isinstance(inner, list):
                    todo.append((f"{place}/{key}"[-200:], inner))
        elif isinstance(value, list):
            todo += [(f"{place}/{i}"[-200:], v) for i, v in enumerate(value) if isinstance(v, list)]


def _words(value: Any) -> str:
    return shown(dict(value) if isinstance(value, _Pairs) else value)


def _read(path: Path, file: str, check: str, book: Book) -> bytes | None:
    size = path.stat().st_size
    if size > book.limits.text_bytes:
        book.needs(check, file, "", f"{size:,} bytes", f"up to {book.limits.text_bytes:,}")
        return None
    return path.read_bytes()
