"""The keys of a workspace's releases: shown, replaced, taken offline."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Root

from twoloops.records.digests import Digest
from twoloops.records.errors import UserError
from twoloops.store.trust import keys
from twoloops.store.trust.repository import ROLES, Repository
from twoloops.wiring.trust import repository, signing


class Role(msgspec.Struct, frozen=True):
    """One role as it stands.

    Args:
        name: Its name.
        version: Of its metadata.
        expires: When that expires.
        threshold: How many keys must sign.
        keys: The ids of its keys.
        here: Those that lie in the workspace.
    """

    name: str
    version: int
    expires: datetime
    threshold: int
    keys: tuple[str, ...]
    here: tuple[str, ...]


class Shown(msgspec.Struct, frozen=True):
    """The keys, and what devices are enrolled with.

    Args:
        root_digest: Of the newest root metadata.
        offline: Whether no root key lies in the workspace.
        roles: The four roles.
    """

    root_digest: Digest
    offline: bool
    roles: tuple[Role, ...]


class Rotated(msgspec.Struct, frozen=True):
    """What rotating has made.

    Args:
        role: Whose key is new; `None`: root was only signed again.
        key: The id of the new key.
        root_version: The new root's version.
        root_digest: Its digest, for devices enrolled from now on; the others follow by themselves.
        file: Where a new root key was written, offline.
    """

    role: str | None
    key: str | None
    root_version: int
    root_digest: Digest
    file: str | None = None


def show(folder: Path) -> Shown:
    """Return the keys as they stand.

    Raises:
        UserError: Nothing was begun.
    """
    known = repository(folder)
    root = known.root().signed
    roles = []
    for name in ROLES:
        role = root.roles[name]
        signed = root if name == "root" else _signed(known, name)
        here = [one for one in role.keyids if keys.key_file(known.keys, one).is_file()]
        roles.append(
            Role(
                name,
                signed.version,
                signed.expires,
                role.threshold,
                tuple(role.keyids),
                tuple(here),
            )
        )
    return Shown(known.root_digest(), not roles[0].here, tuple(roles))


def _signed(known: Repository, role: str) -> Root:
    found = known.known(role)
    if found is None:
        raise UserError(f"the metadata of role {role} cannot be read: run  twoloops keys refresh")
    signed: Root = found.signed
    return signed


def offline(folder: Path, target: Path) -> list[Path]:
    """Move the root keys out of the workspace, and return where they are now.

    Each is written, read back and used to sign before the one here is erased.

    Args:
        folder: The workspace.
        target: A folder outside of it: a stick that is put away.

    Raises:
        UserError: No root key is here, or the folder lies in the workspace.
    """
    if target.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{target} lies in the workspace: name a folder of a stick, or elsewhere")
    with signing(folder) as known:
        here = keys.found(known.keys, known.root().signed.roles["root"].keyids)
        if not here:
            raise UserError("no root key lies in this workspace: it is offline already")
        written = []
        for signer in here:
            path = keys.save(target, signer)
            keys.load(path).public_key.verify_signature(keys.load(path).sign(b"ours"), b"ours")
            if keys.load(path).public_key != signer.public_key:
                raise UserError(f"{path} does not hold what was written: take another stick")
            written.append(path)
        for signer in here:
            keys.erase(keys.key_file(known.keys, signer.public_key.keyid))
    return written


def rotate(
    folder: Path, role: str | None, root_keys: Sequence[Path], at: datetime, old: str | None = None
) -> Rotated:
    """Replace a role's key, or sign root again before it expires.

    Args:
        folder: The workspace.
        role: Whose key; `None`: only root's expiry is moved.
        root_keys: Files of the root keys that are offline.
        at: Now.
        old: Beginning of the id of the key to replace, where the role has several.

    Raises:
        UserError: No such role or key, or the root keys do not suffice.
    """
    if role is not None and role not in ROLES:
        raise UserError(f"{role!r} is no role: take one of {', '.join(ROLES)}")
    with signing(folder) as known:
        root = known.root().signed
        signers = [*map(keys.load, root_keys), *keys.found(known.keys, root.roles["root"].keyids)]
        new, file = None, None
        if role is not None:
            gone = _one(root.roles[role].keyids, role, old)
            new = keys.make()
            elsewhere = role == "root" and bool(root_keys)
            path = keys.save(root_keys[0].parent if elsewhere else known.keys, new)
            file = str(path) if elsewhere else None
        changed = _signed_root(known, role, new, None if role is None else gone, signers, at)
        known.refresh(at)
        _forget(known, changed)
    return Rotated(
        role,
        None if new is None else new.public_key.keyid,
        changed.version,
        known.root_digest(),
        file,
    )


def _signed_root(
    known: Repository,
    role: str | None,
    new: CryptoSigner | None,
    gone: str | None,
    signers: Sequence[CryptoSigner],
    at: datetime,
) -> Root:
    def change(made: Root) -> None:
        if role is not None and new is not None and gone is not None:
            # Before the old one goes: a role is never below its threshold.
            made.add_key(new.public_key, role)
            made.revoke_key(gone, role)

    signing_now = [*signers, new] if role == "root" and new is not None else list(signers)
    return known.sign_root(change, signing_now, at)


def _one(keyids: Sequence[str], role: str, old: str | None) -> str:
    found = [one for one in keyids if one.startswith(old or "")]
    if len(found) != 1:
        raise UserError(
            f"role {role} has the keys {', '.join(one[:16] for one in keyids)}: name the one to "
            "replace with  --old KEY"
        )
    return found[0]


def _forget(known: Repository, root: Root) -> None:
    """Erase the key files that no role has any more."""
    kept = {keys.key_file(known.keys, one) for role in root.roles.values() for one in role.keyids}
    for path in known.keys.glob("*.pem"):
        if path not in kept:
            keys.erase(path)
