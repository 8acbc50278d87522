"""The signed metadata of a workspace, as TUF has it: root, targets, snapshot, timestamp.

Files are written so that who reads meanwhile, or after a kill, finds a whole set: targets' bytes
first, then targets, snapshot and, last, the timestamp, which alone makes the others known.
Law: every version ever made known is higher than the one before it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, cast

from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization import DeserializationError
from tuf.api.serialization.json import JSONSerializer

from twoloops.edge import files
from twoloops.records.digests import Digest, digest_bytes
from twoloops.records.errors import UserError
from twoloops.store.trust import keys

EXPIRY = {
    "root": timedelta(days=365),
    "targets": timedelta(days=90),
    "snapshot": timedelta(days=14),
    "timestamp": timedelta(days=7),
}
"""How long a role's metadata holds."""
RENEW = {
    "targets": timedelta(days=45),
    "snapshot": timedelta(days=7),
    "timestamp": timedelta(days=6),
}
"""A role is signed again when it holds no longer than this: the timestamp daily."""
ROLES = ("root", "targets", "snapshot", "timestamp")
ONLINE = ("targets", "snapshot", "timestamp")
KEPT = 3
"""Old versions of snapshot and targets kept for edges that are at it."""
_AT_ONCE = ("models/", "golden/")


class _Known(NamedTuple):
    """A role's metadata as it is made known, with its bytes."""

    metadata: Metadata[Any]
    data: bytes

    @property
    def signed(self) -> Any:
        """What is signed."""
        return self.metadata.signed


class Repository:
    """A repository in a folder; one process at a time writes it.

    Args:
        folder: Holds `metadata/`, `targets/` and `keys/`.
    """

    def __init__(self, folder: Path) -> None:
        self.metadata, self.targets = folder / "metadata", folder / "targets"
        self.keys = folder / "keys"

    @property
    def there(self) -> bool:
        """Whether there is one."""
        return (self.metadata / "timestamp.json").is_file()

    def begin(self, at: datetime, root_keys: int = 1, threshold: int = 1) -> None:
        """Make keys and a root on this machine; one that is there is left as it is.

        Args:
            at: Now.
            root_keys: How many keys root has.
            threshold: How many of them must sign it.

        Raises:
            UserError: The threshold cannot be met.
        """
        if not 1 <= threshold <= root_keys:
            raise UserError(f"{threshold} of {root_keys} root keys cannot sign: take 1 to all")
        if self.there:
            return
        root = Root(version=1, expires=_in(at, "root"), consistent_snapshot=True)
        signers = [keys.make() for _ in range(root_keys)]
        for signer in signers:
            keys.save(self.keys, signer)
            root.add_key(signer.public_key, "root")
        root.roles["root"].threshold = threshold
        for role in ONLINE:
            signer = keys.make()
            keys.save(self.keys, signer)
            root.add_key(signer.public_key, role)
        for left in self.metadata.glob("*.json"):  # of a beginning that was killed
            left.unlink()
        self._write_root(Metadata(root), signers)
        self.write({}, at)

    def root(self) -> Metadata[Root]:
        """Return the newest root."""
        return Metadata[Root].from_file(str(self.root_file()))

    def root_file(self) -> Path:
        """Return the newest root's file.

        Raises:
            UserError: There is none.
        """
        versions = [int(path.name.partition(".")[0]) for path in self.metadata.glob("*.root.json")]
        if not versions:
            raise UserError("this workspace signs nothing yet: begin with  twoloops keys init")
        return self.metadata / f"{max(versions)}.root.json"

    def root_digest(self) -> Digest:
        """Return the digest that a device is enrolled with: of the newest root's bytes."""
        return digest_bytes(self.root_file().read_bytes())

    def known(self, role: str) -> _Known | None:
        """Return a role's metadata as it is made known, or `None` where none is to be read."""
        try:
            data = (self.metadata / "timestamp.json").read_bytes()
            out: _Known = _Known(Metadata[Timestamp].from_bytes(data), data)
            for name in ("snapshot", "targets"):
                if role == "timestamp":
                    break
                up = out.signed
                meta = up.snapshot_meta if name == "snapshot" else up.meta["targets.json"]
                data = (self.metadata / f"{meta.version}.{name}.json").read_bytes()
                out = _Known(Metadata[Any].from_bytes(data), data)
                if role == name:
                    break
        except (OSError, DeserializationError, KeyError):
            return None
        return out

    def listed(self) -> dict[str, TargetFile]:
        """Return the targets that are made known, by name."""
        found = self.known("targets")
        return {} if found is None else dict(cast(Targets, found.signed).targets)

    def next_version(self) -> int:
        """Return the version that the next targets will have."""
        found = self.known("targets")
        return 1 if found is None else int(found.signed.version) + 1

    def put(self, name: str, data: bytes, custom: Mapping[str, Any]) -> TargetFile:
        """Keep a target's bytes, and return what is to be signed of it."""
        info = TargetFile.from_data(name, data, ["sha256"])
        info.unrecognized_fields["custom"] = dict(custom)
        path = self.targets / target_file(info)
        if not (path.is_file() and path.read_bytes() == data):
            files.write(path, data)
        return info

    def write(self, targets: Mapping[str, TargetFile], at: datetime) -> None:
        """Make a set of targets known.

        Raises:
            UserError: A key that is needed is not here.
        """
        before = self.listed()
        signed = Targets(self.next_version(), expires=_in(at, "targets"), targets=dict(targets))
        self._publish(Metadata(signed), at)
        # An edge may be reading the version before; what was revoked or forgotten goes at once.
        old = [info for name, info in before.items() if not name.startswith(_AT_ONCE)]
        self._sweep([*targets.values(), *old])

    def refresh(self, at: datetime) -> list[str]:
        """Sign again what expires soon, or with keys that root no longer has; returns the roles.

        Raises:
            UserError: A key that is needed is not here.
        """
        root = self.root().signed
        known = {role: self.known(role) for role in ONLINE}
        stale = [role for role in ONLINE if _stale(root, role, known[role], at)]
        if not stale:
            return []
        if "targets" in stale:
            made = Targets(self.next_version(), expires=_in(at, "targets"), targets=self.listed())
            self._publish(Metadata(made), at)
            return list(ONLINE)
        targets, snapshot = known["targets"], known["snapshot"]
        assert targets is not None
        if "snapshot" in stale:
            self._publish(targets.metadata, at, sign=False)
            return ["snapshot", "timestamp"]
        assert snapshot is not None
        self._stamp(snapshot.metadata, snapshot.data, at)
        return ["timestamp"]

    def sign_root(
        self, change: Callable[[Root], None], signers: Sequence[CryptoSigner], at: datetime
    ) -> Root:
        """Make the next root, signed as the root before it and as itself ask for.

        Args:
            change: Changes the copy that becomes the next.
            signers: Root keys, of the old root and of the new.
            at: Now.

        Raises:
            UserError: The signatures do not suffice; nothing was written.
        """
        before = self.root()
        made = Metadata[Root].from_bytes(self.root_file().read_bytes())
        made.signatures.clear()
        made.signed.version += 1
        made.signed.expires = _in(at, "root")
        change(made.signed)
        self._write_root(made, signers, before.signed)
        return made.signed

    def _write_root(
        self, made: Metadata[Root], signers: Sequence[CryptoSigner], before: Root | None = None
    ) -> None:
        for signer in signers:
            made.sign(signer, append=True)
        for root in filter(None, (before, made.signed)):
            try:
                root.verify_delegate("root", made.signed_bytes, made.signatures)
            except RepositoryError as error:
                need = root.roles["root"].threshold
                raise UserError(
                    f"the root key is not here, or {need} of them are needed ({error}): give each "
                    "with  --root-key FILE"
                ) from error
        path = self.metadata / f"{made.signed.version}.root.json"
        files.write(path, made.to_bytes(JSONSerializer()))

    def _publish(self, targets: Metadata[Targets], at: datetime, *, sign: bool = True) -> None:
        if sign:
            self._sign(targets, "targets")
        data = targets.to_bytes(JSONSerializer())
        files.write(self.metadata / f"{targets.signed.version}.targets.json", data)
        before = self.known("snapshot")
        version = 1 if before is None else before.signed.version + 1
        meta = MetaFile.from_data(targets.signed.version, data, ["sha256"])
        snapshot = Metadata(Snapshot(version, expires=_in(at, "snapshot")))
        snapshot.signed.meta["targets.json"] = meta
        self._sign(snapshot, "snapshot")
        data = snapshot.to_bytes(JSONSerializer())
        files.write(self.metadata / f"{version}.snapshot.json", data)
        self._stamp(snapshot, data, at)
        for role, newest in (("targets", targets.signed.version), ("snapshot", version)):
            for path in self.metadata.glob(f"*.{role}.json"):
                if int(path.name.partition(".")[0]) <= newest - KEPT:
                    path.unlink(missing_ok=True)

    def _stamp(self, snapshot: Metadata[Snapshot], data: bytes, at: datetime) -> None:
        before = self.known("timestamp")
        stamp = Metadata(
            Timestamp(
                1 if before is None else before.signed.version + 1,
                expires=_in(at, "timestamp"),
                snapshot_meta=MetaFile.from_data(snapshot.signed.version, data, ["sha256"]),
            )
        )
        self._sign(stamp, "timestamp")
        files.write(self.metadata / "timestamp.json", stamp.to_bytes(JSONSerializer()))

    def _sign(self, metadata: Metadata[Any], role: str) -> None:
        wanted = self.root().signed.roles[role]
        signers = keys.found(self.keys, wanted.keyids)
        if len(signers) < wanted.threshold:
            raise UserError(
                f"the key of role {role} is not in {self.keys}: restore it, or replace it with  "
                f"twoloops keys rotate {role} --root-key FILE"
            )
        metadata.signatures.clear()
        for signer in signers:
            metadata.sign(signer, append=True)

    def _sweep(self, keep: Sequence[TargetFile]) -> None:
        """Remove the bytes of all other targets."""
        names = {target_file(info) for info in keep}
        for path in self.targets.rglob("*"):
            if path.is_file() and path.relative_to(self.targets).as_posix() not in names:
                path.unlink(missing_ok=True)


def target_file(info: TargetFile) -> str:
    """Return the name under which a target's bytes are served: with their hash before it.

    Raises:
        ValueError: The target's name could lead out of the folder.
    """
    parts = info.path.split("/")
    if not all(re.fullmatch(r"[a-z0-9][a-z0-9._-]*", part) and ".." not in part for part in parts):
        raise ValueError(f"{info.path!r} is no name of a target")
    return "/".join([*parts[:-1], f"{info.hashes['sha256']}.{parts[-1]}"])


def _in(at: datetime, role: str) -> datetime:
    return (at + EXPIRY[role]).replace(microsecond=0)


def _stale(root: Root, role: str, known: _Known | None, at: datetime) -> bool:
    if known is None or known.signed.expires - at <= RENEW[role]:
        return True
    try:
        root.verify_delegate(role, known.metadata.signed_bytes, known.metadata.signatures)
    except RepositoryError:
        return True
    return False
