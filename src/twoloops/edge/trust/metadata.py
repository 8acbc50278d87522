"""The trusted metadata: refreshed by TUF's client, rooted in a digest, never older than before."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
from tuf.api import exceptions
from tuf.api.metadata import Metadata, Root, TargetFile
from tuf.api.serialization import DeserializationError
from tuf.ngclient import Updater, UpdaterConfig

from twoloops.edge import files
from twoloops.edge.trust.fetching import Fetcher, FetchError
from twoloops.edge.trust.pointer import Seen
from twoloops.edge.trust.refusing import Kind, Refused
from twoloops.records.digests import Digest, digest_bytes, short

METADATA = "metadata"
ROOT_LIMIT = 128 * 1024
CONFIG = UpdaterConfig(
    max_root_rotations=64,
    root_max_length=ROOT_LIMIT,
    timestamp_max_length=16 * 1024,
    snapshot_max_length=64 * 1024,
    targets_max_length=4 * 1024 * 1024,
)
ROLES = ("timestamp", "snapshot", "targets")

Record = TypeVar("Record")


class Trusted:
    """A server's targets as its verified metadata states them.

    Args:
        folder: Where metadata and what is being fetched lie.
        url: The server's address.
        root: Digest of the root metadata to begin with.
        fetcher: How it fetches.
        at: Now: what has expired by then is refused.
    """

    def __init__(self, folder: Path, url: str, root: Digest, fetcher: Fetcher, at: datetime):
        self._folder, self._fetcher = folder, fetcher
        self._base = f"{url.rstrip('/')}/trust"
        self._root, self._at = root, at
        self._updater: Updater | None = None

    def refresh(self, seen: Mapping[str, Seen]) -> dict[str, Seen]:
        """Fetch and verify the metadata, and return what was seen now.

        Args:
            seen: What was before. TUF's client keeps metadata without syncing it; this holds
                after a power cut, too.

        Raises:
            Refused: Something of it is not to be believed.
        """
        place = self._folder / METADATA
        place.mkdir(parents=True, exist_ok=True)
        try:
            self._updater = self._open(place)
            # The client has no argument for the time; tests and devices bring their own.
            self._updater._trusted_set.reference_time = self._at
            self._updater.refresh()
        except (exceptions.RepositoryError, exceptions.DownloadError) as error:
            raise self._refusal(error) from error
        now = self._seen(place)
        for role, before in seen.items():
            if before.keys == now[role].keys and now[role].version < before.version:
                raise _rolled_back(role, f"version {now[role].version}, {before.version} was seen")
        for path in place.rglob("*.json"):
            files.sync_file(path)
        files.sync_folder(place)
        return now

    def record(self, path: str, kind: type[Record], limit: int) -> tuple[Record, Digest] | None:
        """Return the record of a target and the digest of its bytes; `None` where there is none.

        Raises:
            Refused: It is not what the metadata states, or no such record.
        """
        info = self.info(path, limit)
        if info is None:
            return None
        data = self._fetch(info, self._folder / "partial" / "record").read_bytes()
        try:
            return msgspec.json.decode(data, type=kind), digest_bytes(data)
        except msgspec.MsgspecError as error:
            raise Refused(
                "unreadable",
                f"{path} is signed and cannot be read ({error}): upgrade twoloops here",
            ) from error

    def info(self, path: str, limit: int) -> TargetFile | None:
        """Return what the metadata states of a target.

        Raises:
            Refused: It is larger than such a target may be.
        """
        assert self._updater is not None
        info = self._updater.get_targetinfo(path)
        if info is not None and info.length > limit:
            raise Refused(
                "too large", f"{path} has {info.length} bytes; {limit} are allowed of its kind"
            )
        return info

    def fetch(self, info: TargetFile, partial: Path) -> Path:
        """Fetch a target's bytes into a file, which is not durable yet.

        Raises:
            Refused: They are not what the metadata states.
        """
        return self._fetch(info, partial)

    def _fetch(self, info: TargetFile, partial: Path) -> Path:
        assert self._updater is not None
        try:
            self._updater.download_target(info, str(partial))
        except (exceptions.RepositoryError, exceptions.DownloadError) as error:
            partial.unlink(missing_ok=True)
            raise self._refusal(error, info.path) from error
        return partial

    def _open(self, place: Path) -> Updater:
        known = place / "first-root.json"
        data = known.read_bytes() if known.is_file() else b""
        if digest_bytes(data) != self._root:
            data = self._first_root()
            files.write(known, data)
        return Updater(
            str(place),
            f"{self._base}/metadata/",
            str(self._folder / "partial"),
            f"{self._base}/targets/",
            fetcher=self._fetcher,
            config=CONFIG,
            bootstrap=data,
        )

    def _first_root(self) -> bytes:
        """Return the root with the digest given at enrolment, whichever version it has."""
        for version in range(1, CONFIG.max_root_rotations):
            url = f"{self._base}/metadata/{version}.root.json"
            try:
                data = self._fetcher.download_bytes(url, ROOT_LIMIT)
            except exceptions.DownloadHTTPError as error:
                if error.status_code == 404:
                    break
                raise
            if digest_bytes(data) == self._root:
                return data
        raise Refused(
            "unknown root",
            f"{self._base} has no root metadata with digest {short(self._root)}, which this device "
            "was enrolled with: compare it with  twoloops keys show  on the server itself",
        )

    def _seen(self, place: Path) -> dict[str, Seen]:
        root = Metadata[Root].from_file(str(place / "root.json")).signed
        return {
            role: Seen(
                Metadata[Any].from_file(str(place / f"{role}.json")).signed.version,
                tuple(sorted(root.roles[role].keyids)),
            )
            for role in ROLES
        }

    def _refusal(self, error: Exception, target: str | None = None) -> Refused:
        """Return why something was not believed, in words of our own."""
        name = self._fetcher.url.rpartition("/")[2][:120] if target is None else target
        if isinstance(error, FetchError):
            return Refused(error.kind, str(error))
        if isinstance(error, exceptions.SlowRetrievalError):
            return Refused("too slow", f"{error}: given up, tried again later")
        if isinstance(error, exceptions.DownloadLengthMismatchError):
            return Refused("too large", f"{name} goes on after its last byte allowed ({error})")
        if isinstance(error, exceptions.DownloadHTTPError):
            return Refused("unreachable", f"{error}, asked for {name}: see the server's journal")
        if isinstance(error, exceptions.ExpiredMetadataError):
            return Refused(
                "expired",
                f"{_role(str(error), name)} has expired: somebody keeps newer metadata back, this "
                "device's clock is wrong, or the server has not signed:  twoloops keys refresh",
            )
        if isinstance(error, exceptions.BadVersionNumberError):
            return _rolled_back(_role(str(error), name), str(error))
        if target is not None:
            return Refused("tampered", f"{name} is not the file that was signed ({error})")
        return self._unsigned(name, str(error))

    def _unsigned(self, name: str, said: str) -> Refused:
        """Return why metadata does not verify: by whom it is signed, and whether it is genuine."""
        kind: Kind = "tampered"
        sentence = f"{name} was changed after it was signed ({said})"
        role = re.sub(r"^\d+\.|\.json$", "", name)
        try:
            given = Metadata[Any].from_bytes(self._fetcher.data)
            root = Metadata[Root].from_file(str(self._folder / METADATA / "root.json")).signed
            wanted = root.roles[role]
        except (DeserializationError, OSError, KeyError):
            return Refused(kind, f"{name} is no metadata of TUF ({said})")
        result = root.get_verification_result(role, given.signed_bytes, given.signatures)
        known = set(given.signatures) & set(wanted.keyids)
        if result and role in ("snapshot", "targets"):
            kind = "mixed"
            sentence = f"{name} is genuine, and not the one that goes with the others ({said})"
        elif result:
            kind = "too few signatures"
            sentence = f"{name} is signed with the old keys and not with its own ({said})"
        elif not known:
            kind = "wrong key"
            sentence = f"{name} is signed with keys that this device does not trust for {role!r}"
        elif len(result.signed) == len(known) < wanted.threshold:
            kind = "too few signatures"
            sentence = f"{name} has {len(known)} of the {wanted.threshold} signatures it needs"
        return Refused(kind, sentence)


def custom(info: TargetFile) -> dict[str, Any]:
    """Return what was signed about a target beside its bytes."""
    return cast(dict[str, Any], info.custom or {})


def _role(said: str, name: str) -> str:
    return next((one for one in ("root", *reversed(ROLES)) if one in said), name)


def _rolled_back(role: str, said: str) -> Refused:
    return Refused(
        "rolled back", f"{role} is older than what this device has seen ({said}): nothing is taken"
    )
