"""Keys that sign: ed25519, one PEM file each, readable by its owner alone."""

import os
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner

from twoloops.edge.files import sync_folder
from twoloops.records.errors import UserError


def make() -> CryptoSigner:
    """Return a new key."""
    return CryptoSigner.generate_ed25519()


def key_file(folder: Path, keyid: str) -> Path:
    """Return where a key lies in a folder."""
    return folder / f"{keyid[:16]}.pem"


def save(folder: Path, signer: CryptoSigner) -> Path:
    """Write a key's file, durably, for its owner alone, and return where.

    Raises:
        UserError: It cannot be written there.
    """
    path = key_file(folder, signer.public_key.keyid)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = path.with_suffix(".new")
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(signer.private_bytes)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        sync_folder(folder)
    except OSError as error:
        raise UserError(
            f"cannot write the key {path}: {error.strerror}; name a folder you may write to"
        ) from error
    return path


def load(path: Path) -> CryptoSigner:
    """Return the key of a file.

    Raises:
        UserError: There is none.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UserError(
            f"{path} is no key that can be read ({error}): give its PEM file"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UserError(f"{path} is no ed25519 key: give one that  twoloops keys  wrote")
    return CryptoSigner(key)


def found(folder: Path, keyids: Iterable[str]) -> list[CryptoSigner]:
    """Return those of the keys that lie in a folder."""
    paths = [key_file(folder, keyid) for keyid in keyids]
    return [load(path) for path in paths if path.is_file()]


def erase(path: Path) -> None:
    """Overwrite a key's file and remove it. What the disk, or a backup, kept of it stays there."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.write(os.urandom(size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_folder(path.parent)
