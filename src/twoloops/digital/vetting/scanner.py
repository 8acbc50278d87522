"""A scanner of others, where it is installed: what it found, or that it found nothing.

picklescan knows forbidden names and walks pickles without performing them. That it finds nothing
says little: whatever name it does not know passes it. The verdict rests on the allow-list.
"""

import logging
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from twoloops.digital.vetting.book import Book, shown

CHECK = "picklescan"


def scan(files: dict[str, Path], book: Book) -> None:
    """Let picklescan look at pickles and zips.

    Args:
        files: Private copies by name.
        book: Where findings go.
    """
    if not files:
        return
    try:
        scan_file = import_module("picklescan.scanner").scan_file_path
    except ImportError:
        book.looked(CHECK, "not installed, so it was not asked: pip install picklescan")
        return
    logging.getLogger("picklescan").setLevel(logging.CRITICAL)
    quiet = 0
    for name, path in files.items():
        result = book.guarded(CHECK, name, scan_file, str(path))
        if result is None:
            continue
        named = [one for one in result.globals if one.safety.value == "dangerous"]
        for one in named:
            got = f"finds {shown(f'{one.module}.{one.name}')}"
            book.refuse(CHECK, name, "", got, "nothing that it knows")
        if result.scan_err:
            book.note(CHECK, name, "", "could not read it through")
        elif not named:
            quiet += 1
    book.looked(CHECK, f"{version('picklescan')} found nothing in {quiet} of {len(files)} files")
