"""Digests: a thing is named by the SHA-256 of its bytes, a record by that of its canonical JSON.

Law: `digest_record(a) == digest_record(b)` if and only if `a == b`, for records of one type.
"""

import hashlib
from typing import Any

import msgspec

Digest = str
"""`sha256:` and 64 hexadecimal digits."""

_canonical = msgspec.json.Encoder(order="deterministic", decimal_format="string")


def digest_bytes(data: bytes) -> Digest:
    """Return the digest of bytes.

    >>> digest_bytes(b"")[:19]
    'sha256:e3b0c44298fc'
    """
    return "sha256:" + hashlib.sha256(data).hexdigest()


def canonical(record: Any) -> bytes:
    """Return the one JSON text of a record: keys in order, no white space."""
    return _canonical.encode(record)


def digest_record(record: Any) -> Digest:
    """Return the digest of a record's canonical JSON."""
    return digest_bytes(canonical(record))


def short(digest: Digest) -> str:
    """Return the first 12 hexadecimal digits, for people.

    >>> short(digest_bytes(b""))
    'e3b0c44298fc'
    """
    return digest.removeprefix("sha256:")[:12]
