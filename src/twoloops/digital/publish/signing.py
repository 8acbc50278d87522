"""OpenSSF model signatures with an elliptic-curve key of one's own: nothing goes over a network.

A signature covers every file of the folder but itself and what transport puts beside it.
"""

import contextlib
import os
import re
import sys
from pathlib import Path
from typing import Any

from twoloops.digital.publish.sidecar import SIGNATURE
from twoloops.records.errors import MissingExtraError, UserError

TRANSPORT = (".gitattributes", ".git", ".cache")
"""What git and the hub's client put beside the files of a copy; nothing of it is read."""


def new_key(path: Path) -> Path:
    """Make a key: `path` for its owner alone (mode 0600), and the public half beside it.

    Returns:
        The public key's path, `path` with `.pub` behind it.

    Raises:
        UserError: One of the two is there already, or cannot be written.
    """
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as error:
        raise MissingExtraError("making a signing key", "sign") from error

    public = path.with_name(path.name + ".pub")
    for one in (path, public):
        if one.exists() or one.is_symlink():
            raise UserError(
                f"{one} is there already: name another file; a key in use is not replaced"
            )
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    shown = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    try:
        _write(path, private, 0o600)
        _write(public, shown, 0o644)
    except OSError as error:
        raise UserError(
            f"cannot write the key {path}: {error.strerror}; name a file in a folder you may "
            "write to"
        ) from error
    return public


def sign(folder: Path, key: Path) -> Path:
    """Sign all files of a folder; returns the signature's path.

    Raises:
        UserError: The key cannot be read or is none.
    """
    signing, _, hashing = _library("signing a model")
    check_key(key)
    path = folder / SIGNATURE
    config = signing.Config().use_elliptic_key_signer(private_key=key)
    config.set_hashing_config(_hashing(hashing))
    config.sign(folder, path)
    return path


def check_key(key: Path) -> None:
    """Refuse a file that holds no private key that can sign.

    Raises:
        UserError: It cannot be read, is no such key, or others may read it.
    """
    signing, _, _ = _library("signing a model")
    try:
        signing.Config().use_elliptic_key_signer(private_key=key)
        mode = key.stat().st_mode & 0o077
    except OSError as error:
        raise UserError(
            f"cannot read the key {key}: {error.strerror}; make one with  twoloops publish "
            "--new-key FILE"
        ) from error
    except Exception as error:  # the library's own errors share no class
        raise UserError(
            f"{key} is no private key that can sign ({_sentence(error)}): it takes an unencrypted "
            "PEM key on P-256, P-384 or P-521; make one with  twoloops publish --new-key FILE"
        ) from error
    if mode and os.name == "posix":
        raise UserError(f"others may read the key {key}: run  chmod 600 {key}")


def check(folder: Path, public: Path) -> str | None:
    """Check a folder's signature; returns what is wrong with it, or `None`.

    Raises:
        UserError: The public key cannot be read or is none.
    """
    _, verifying, hashing = _library("checking a signature")
    try:
        config = verifying.Config().use_elliptic_key_verifier(public_key=public)
    except OSError as error:
        raise UserError(
            f"cannot read the public key {public}: {error.strerror}; give the publisher's .pub file"
        ) from error
    except Exception as error:
        raise UserError(
            f"{public} is no public key ({_sentence(error)}): give the publisher's .pub file, not "
            "the private key"
        ) from error
    config.set_hashing_config(_hashing(hashing))
    try:
        # The library prints a warning about old signatures; stdout is for results.
        with contextlib.redirect_stdout(sys.stderr):
            config.verify(folder, folder / SIGNATURE)
    except Exception as error:  # whatever a hostile file makes of the library is a refusal
        return _mismatch(str(error)) or _sentence(error) or type(error).__name__
    return None


def _mismatch(told: str) -> str:
    """Say which files a valid signature does not fit; the library shows raw digests."""
    if not told.startswith("Signature mismatch"):
        return ""
    changed = sorted(set(re.findall(r"Hash mismatch for \\?'([^'\\]{1,80})", told)))
    parts = [f"signed with other contents: {', '.join(changed)}"] if changed else []
    parts += ["there are files that were not signed"] if "Extra files" in told else []
    parts += ["signed files are missing"] if "Missing files" in told else []
    return "; ".join(parts)


def _hashing(hashing: Any) -> Any:
    config = hashing.Config().use_file_serialization()
    return config.set_ignored_paths(paths=[SIGNATURE, *TRANSPORT], ignore_git_paths=False)


def _library(what: str) -> tuple[Any, Any, Any]:
    try:
        from model_signing import hashing, signing, verifying
    except ImportError as error:
        raise MissingExtraError(what, "sign") from error
    return signing, verifying, hashing


def _sentence(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(". ")[:300] if lines else ""


def _write(path: Path, data: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
