"""Zip and tar: looked through member by member with caps, nothing is written anywhere.

A zip says everything twice, before each member and in its directory at the end; readers differ
in which one they believe, and scanners have been passed that way. So both have to agree.
"""

import bz2
import gzip
import lzma
import struct
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO, Any

from twoloops.digital.vetting.book import Book, shown
from twoloops.digital.vetting.kinds import ARCHIVES, HEAD, kind_of
from twoloops.digital.vetting.pickles import inspect_stream

CHECK = "archive"
LOCAL = struct.Struct("<4s5H3I2H")
"""A member's own header: signature, version, flags, method, time, date, crc, sizes, lengths."""
ENCRYPTED, STREAMED = 0x1, 0x8
METHODS = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflated"}
OPENERS: dict[str, Any] = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
CHUNK = 1 << 16
EXTENDED = {b"x", b"g", b"L", b"K"}
"""Headers that hold the long name of the member after them."""


def inspect_archive(path: Path, file: str, kind: str, book: Book) -> None:
    """Look through an archive; but for a torch checkpoint, archives are not accepted as such.

    Args:
        path: The private copy.
        file: Its name in the findings.
        kind: `zip`, `tar`, `gzip`, …
        book: Where findings go.
    """
    torch = False
    if kind == "zip":
        torch = bool(book.guarded(CHECK, file, _zip, path, file, book))
    elif kind == "tar":
        book.guarded(CHECK, file, _tar, path, file, book)
    elif kind in OPENERS:
        book.guarded(CHECK, file, _compressed, path, file, kind, book)
    if not torch:
        book.refuse(
            CHECK,
            file,
            "",
            f"an archive ({kind})",
            "files themselves: unpack it and vet the folder",
        )


def _zip(path: Path, file: str, book: Book) -> bool:
    """Look through a zip; returns whether it is a torch checkpoint (`…/data.pkl`)."""
    with zipfile.ZipFile(path) as opened, path.open("rb") as raw:
        members = opened.infolist()
        if not _few(len(members), file, book):
            return False
        _names([one.filename for one in members], file, book)
        reached = total = 0
        for one in sorted(members, key=lambda member: member.header_offset):
            place = f"member {shown(one.filename)}"
            if one.header_offset < reached:
                book.refuse(CHECK, file, place, "overlaps the member before it", "no byte twice")
                return False
            end = _agree(raw, one, file, place, book)
            if end is None:
                continue
            reached = end
            total += one.file_size
            if not _sized(one, total, file, place, book):
                return False
            book.guarded(CHECK, file, _member, opened, one, file, place, book)
        book.looked(CHECK, f"{file}: {len(members):,} members, {total:,} bytes unpacked")
        return any(PurePosixPath(one.filename).name == "data.pkl" for one in members)


def _few(count: int, file: str, book: Book) -> bool:
    if count > book.limits.members:
        book.refuse(CHECK, file, "", f"{count:,} members", f"up to {book.limits.members:,}")
        return False
    return True


def _names(names: list[str], file: str, book: Book) -> None:
    seen: set[str] = set()
    for name in names:
        place = f"member {shown(name)}"
        parts = name.replace("\\", "/").split("/")
        if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            book.refuse(CHECK, file, place, "a path that leads out", "paths below the archive")
        if name in seen:
            book.refuse(CHECK, file, place, "the name twice", "every name once")
        seen.add(name)


def _agree(raw: IO[bytes], one: zipfile.ZipInfo, file: str, place: str, book: Book) -> int | None:
    """Check a member's own header against the directory; returns where its data ends."""
    raw.seek(one.header_offset)
    head = raw.read(LOCAL.size)
    if len(head) < LOCAL.size or head[:4] != b"PK\x03\x04":
        book.refuse(CHECK, file, place, "no member where the directory says", "the same twice")
        return None
    _, _, flags, method, _, _, crc, packed, size, names, extra = LOCAL.unpack(head)
    name = raw.read(names)
    wanted = one.orig_filename.encode("utf-8" if flags & 0x800 else "cp437", "replace")
    told = (flags, method, name)
    directory = (one.flag_bits, one.compress_type, wanted)
    # Sizes may stand after the data instead, or in the zip64 field.
    streamed = flags & STREAMED or 0xFFFFFFFF in (packed, size)
    sizes = streamed or (crc, packed, size) == (one.CRC, one.compress_size, one.file_size)
    if told != directory or not sizes:
        book.refuse(CHECK, file, place, "its header and the directory disagree", "the same twice")
    if flags & ENCRYPTED:
        book.refuse(CHECK, file, place, "encrypted", "readable members")
        return None
    if method not in METHODS or one.compress_type not in METHODS:
        book.refuse(CHECK, file, place, f"packed by method {method}", f"{[*METHODS.values()]}")
        return None
    if (one.external_attr >> 16) & 0o170000 == 0o120000:
        book.refuse(CHECK, file, place, "a symbolic link", "regular members")
        return None
    return int(one.header_offset + LOCAL.size + names + extra + one.compress_size)


def _sized(one: zipfile.ZipInfo, total: int, file: str, place: str, book: Book) -> bool:
    limits = book.limits
    ratio = one.file_size / max(one.compress_size, 1)
    if total > limits.unpacked_bytes or (one.file_size > CHUNK and ratio > limits.ratio):
        book.refuse(
            CHECK,
            file,
            place,
            f"{one.compress_size:,} bytes that unpack to {one.file_size:,}",
            f"up to {limits.ratio} times as many, {limits.unpacked_bytes:,} in all",
        )
        return False
    return True


def _member(
    opened: zipfile.ZipFile, one: zipfile.ZipInfo, file: str, place: str, book: Book
) -> None:
    """Look at one member; it is read no further than its stated size, so its CRC is checked."""
    with opened.open(one) as member:
        head = member.read(HEAD)
        kind = _inner(one.filename, head)
        if kind == "pickle":
            data = head + member.read(book.limits.pickle_bytes - len(head))
            whole = len(data) == one.file_size
            inspect_stream(data, file, place, book, whole=whole)
        elif kind in ("program", *ARCHIVES):
            book.refuse(CHECK, file, place, f"holds {kind} data", "tensors and their names")
        while member.read(CHUNK):
            pass


def _inner(name: str, head: bytes) -> str:
    """Return what a member is; torch keeps numbers in `…/data/0`, which may begin as anything."""
    path = PurePosixPath(name)
    if path.parent.name == "data" and path.name.isdigit():
        return "numbers"
    if path.suffix == ".pkl" and head:
        return "pickle"
    return kind_of(name, head)


def _tar(path: Path, file: str, book: Book) -> None:
    with path.open("rb") as raw:
        _tar_stream(raw, file, book)


def _compressed(path: Path, file: str, kind: str, book: Book) -> None:
    """Unpack up to the cap and see whether a tar is inside."""
    with OPENERS[kind](path) as opened:
        counted = _Counted(opened, path.stat().st_size, book)
        head = counted.read(HEAD)
        if head[257:262] == b"ustar":
            _tar_stream(_Joined(head, counted), file, book)
        elif _inner(PurePosixPath(file).stem, head) == "pickle":
            inspect_stream(head + counted.read(book.limits.pickle_bytes), file, "unpacked", book)
        while counted.read(CHUNK):
            pass


class _TooMuch(Exception):
    pass


class _Counted:
    """A stream that is not read beyond the caps on what is unpacked."""

    def __init__(self, stream: IO[bytes], packed: int, book: Book) -> None:
        self._stream = stream
        ratio = max(packed, CHUNK) * book.limits.ratio
        self._cap = self._left = min(ratio, book.limits.unpacked_bytes)

    def read(self, size: int) -> bytes:
        parts, wanted = [], size
        while wanted:
            data = self._stream.read(min(wanted, CHUNK))
            if not data:
                break
            self._left -= len(data)
            if self._left < 0:
                raise _TooMuch(f"it unpacks to more than {self._cap:,} bytes")
            parts.append(data)
            wanted -= len(data)
        return b"".join(parts)


class _Joined:
    """Bytes that were read already, and the stream they came from."""

    def __init__(self, head: bytes, rest: _Counted) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int) -> bytes:
        data, self._head = self._head[:size], self._head[size:]
        return data + self._rest.read(size - len(data))


def _tar_stream(stream: Any, file: str, book: Book) -> None:
    """Look through a tar header by header; `tarfile` itself would hold a long name in memory."""
    count = 0
    while len(block := stream.read(tarfile.BLOCKSIZE)) == tarfile.BLOCKSIZE and any(block):
        one = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        count += 1
        if not _few(count, file, book):
            return
        place = f"member {shown(one.name)}"
        _names([one.name], file, book)
        blocks = -(-one.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE if _has_data(one) else 0
        if one.type in EXTENDED:
            if one.size > CHUNK:
                book.refuse(CHECK, file, place, f"a name of {one.size:,} bytes", f"{CHUNK:,}")
                return
            _names(_long(stream.read(blocks)[: one.size]), file, book)
            continue
        if one.issym() or one.islnk():
            book.refuse(CHECK, file, place, f"a link to {shown(one.linkname)}", "regular members")
        elif not (one.isfile() or one.isdir()):
            book.refuse(CHECK, file, place, "a device or pipe", "regular members")
        if not 0 <= one.size <= book.limits.unpacked_bytes:
            cap = f"up to {book.limits.unpacked_bytes:,}"
            book.refuse(CHECK, file, place, f"{one.size:,} bytes", cap)
            return
        while blocks > 0 and (data := stream.read(min(blocks, CHUNK))):
            blocks -= len(data)
    book.looked(CHECK, f"{file}: {count:,} members")


def _has_data(one: tarfile.TarInfo) -> bool:
    return one.isfile() or one.type in EXTENDED


def _long(data: bytes) -> list[str]:
    """Return the names in an extended header: GNU's is one, POSIX's lines `LENGTH KEY=VALUE`."""
    text = data.rstrip(b"\0\n").decode("utf-8", "surrogateescape")
    if "=" not in text:
        return [text]
    lines = [line.partition(" ")[2].partition("=") for line in text.split("\n")]
    return [value for key, _, value in lines if key in ("path", "linkpath")]
