"""Inputs as they come in over the network: how large they may be, whether they are what they say.

What is refused here never reached a decoder. What a decoder then says of the content (a bomb, a
lying header, NaN) is `edge.preprocess`'s to say, the same as for a file's rows.
"""

from litestar.exceptions import HTTPException

from twoloops.records.errors import UserError
from twoloops.records.task import Kind
from twoloops.server.access import Asking, media_type

KiB, MiB = 1 << 10, 1 << 20

NPY = "application/x-npy"
TYPES: dict[Kind, tuple[str, ...]] = {
    "text": ("text/plain",),
    "signal": (NPY,),
    "image": ("image/png", "image/jpeg", "image/bmp"),
}
"""Content types of an input, by the task's kind."""

LARGEST: dict[Kind, int] = {"text": 64 * KiB, "signal": 16 * MiB, "image": 32 * MiB}
"""Bytes of one input, by the task's kind."""

MAGIC = {
    NPY: b"\x93NUMPY",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "image/bmp": b"BM",
}
"""What files of a type begin with."""


async def read_input(request: Asking, kind: Kind) -> bytes:
    """Return the body of a request that brings one input of a kind.

    Raises:
        HTTPException: It is too large (413), of another type than the task takes, or begins
            otherwise than files of its type do (415).
    """
    declared = check_type(request, kind)
    most = LARGEST[kind]
    said = request.headers.get("content-length", "0")
    if said.isdigit() and int(said) > most:
        raise too_large(kind)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise too_large(kind)
        parts.append(part)
    data = b"".join(parts)
    check_magic(declared, data)
    return data


def check_type(request: Asking, kind: Kind) -> str:
    """Return the declared type of a body.

    Raises:
        HTTPException: The task takes none such.
    """
    header = request.headers.get("content-type", "")
    declared, allowed = media_type(header), TYPES[kind]
    if declared not in allowed:
        raise HTTPException(
            status_code=415,
            detail=f"a task of kind {kind} takes {' or '.join(allowed)}: got {declared[:80]!r}",
        )
    charset = header.lower().partition("charset=")[2].strip(' "')
    if charset not in ("", "utf-8", "utf8"):
        raise HTTPException(status_code=415, detail=f"texts are UTF-8: got {charset[:40]!r}")
    return declared


def check_magic(declared: str, data: bytes) -> None:
    """Refuse a body that is not what it says.

    Raises:
        HTTPException: It begins otherwise than files of its type do.
    """
    real = next((kind for kind, magic in MAGIC.items() if data.startswith(magic)), None)
    wanted = declared if declared in MAGIC else None
    if real == wanted or (wanted is None and real == "image/bmp"):  # a text may begin with BM
        return
    found = real or "none of " + ", ".join(MAGIC)
    raise HTTPException(
        status_code=415, detail=f"the body is declared as {declared}, and its bytes are {found}"
    )


def too_large(kind: Kind) -> HTTPException:
    """Return the refusal of an input that is larger than those of its kind may be."""
    return HTTPException(
        status_code=413, detail=f"an input of kind {kind} has at most {LARGEST[kind]:,} bytes"
    )


def check_text(text: str) -> bytes:
    """Return the bytes of a text of a batch.

    Raises:
        UserError: It is too long, or holds half a character.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"a text holds a lone surrogate at {error.start}: send UTF-8") from error
    if len(data) > LARGEST["text"]:
        raise UserError(f"a text has at most {LARGEST['text']:,} bytes: got {len(data):,}")
    return data
