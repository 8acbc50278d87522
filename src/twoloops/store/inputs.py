"""Inputs and other bytes the catalog knows by digest: small ones inline, long ones in blobs."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select, update

from twoloops.records.digests import Digest, digest_bytes
from twoloops.records.errors import UserError
from twoloops.store.blobs import Blobs
from twoloops.store.database import Database, Row, chunks, one_of, stamp
from twoloops.store.schema import INLINE_LIMIT, inputs


class Inputs:
    """Bytes by digest.

    Laws: `get(put(data, kind)) == data`; `put` twice is `put` once; what was forgotten stays
    forgotten, also when the same bytes come again.
    """

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    def put(self, data: bytes, kind: str) -> Digest:
        """Keep bytes of a kind: `text`, `signal`, `image`, `model`, `base` or another."""
        return self.put_many([data], kind)[0]

    def put_many(
        self, data: Sequence[bytes], kind: str, digests: Sequence[Digest] | None = None
    ) -> list[Digest]:
        """Keep many; returns their digests in the order given.

        Args:
            data: The bytes.
            kind: As of `put`.
            digests: Theirs, where the caller has just computed them.
        """
        known_as = map(digest_bytes, data) if digests is None else digests
        named = list(zip(known_as, data, strict=True))
        # Small ones that are known already the catalog itself leaves as they are.
        known = self._known(digest for digest, one in named if len(one) > INLINE_LIMIT)
        fresh = {digest: one for digest, one in named if digest not in known}
        rows: list[Row] = []
        for digest, one in fresh.items():
            inline = len(one) <= INLINE_LIMIT
            if not inline:
                self._blobs.put(one)  # first: a row never names bytes that are not durable
            rows.append(
                {
                    "digest": digest,
                    "kind": kind,
                    "size": len(one),
                    "data": one if inline else None,
                }
            )
        self._database.insert_absent(inputs, rows)
        return [digest for digest, _ in named]

    def get(self, digest: Digest) -> bytes:
        """Return the bytes.

        Raises:
            UserError: If they are unknown, forgotten, or damaged.
        """
        found = self.get_many([digest])
        if digest in found:
            return found[digest]
        at = self.forgotten_at(digest)
        if at is not None:
            raise UserError(f"{digest} was forgotten at {at}: only its digest is left")
        raise UserError(f"{digest} is not in this workspace: check the digest, or ingest it first")

    def get_many(self, digests: Iterable[Digest]) -> dict[Digest, bytes]:
        """Return bytes by digest; unknown and forgotten ones are absent."""
        found: dict[Digest, bytes] = {}
        for chunk in chunks(dict.fromkeys(digests)):
            query = select(inputs.c.digest, inputs.c.data).where(
                one_of(inputs.c.digest, chunk), inputs.c.forgotten_at.is_(None)
            )
            with self._database.reading() as connection:
                rows = connection.execute(query).all()
            for digest, data in rows:
                found[digest] = self._checked(digest, data)
        return found

    def size(self, digest: Digest) -> int | None:
        """Return how many bytes a digest names; `None` where it is unknown."""
        with self._database.reading() as connection:
            return connection.scalar(select(inputs.c.size).where(inputs.c.digest == digest))

    def has(self, digest: Digest) -> bool:
        """Say whether the bytes are there."""
        query = select(inputs.c.digest).where(
            inputs.c.digest == digest, inputs.c.forgotten_at.is_(None)
        )
        with self._database.reading() as connection:
            return connection.scalar(query) is not None

    def forgotten(self, digests: Iterable[Digest]) -> set[Digest]:
        """Return those that were forgotten."""
        found: set[Digest] = set()
        for chunk in chunks(digests):
            query = select(inputs.c.digest).where(
                one_of(inputs.c.digest, chunk), inputs.c.forgotten_at.is_not(None)
            )
            with self._database.reading() as connection:
                found.update(connection.scalars(query))
        return found

    def forgotten_at(self, digest: Digest) -> str | None:
        """Return when the bytes were forgotten, or `None`."""
        query = select(inputs.c.forgotten_at).where(inputs.c.digest == digest)
        with self._database.reading() as connection:
            return connection.scalar(query)

    def forget(self, digest: Digest, at: datetime) -> None:
        """Remove the bytes; digest and tombstone stay. Forgetting twice is forgetting once.

        Raises:
            UserError: If the digest is unknown, or names a model.
        """
        with self._database.transaction() as connection:
            kind = connection.scalar(select(inputs.c.kind).where(inputs.c.digest == digest))
            if kind is None:
                raise UserError(f"{digest} is not in this workspace: check the digest")
            if kind in ("model", "base"):
                raise UserError(f"{digest} is a {kind}: only inputs can be forgotten")
            connection.execute(
                update(inputs)
                .where(inputs.c.digest == digest, inputs.c.forgotten_at.is_(None))
                .values(data=None, forgotten_at=stamp(at))
            )
            # After the commit: a transaction undone must find its bytes. `sweep` finishes what
            # a process that died in between has left.
            self._database.after_commit(lambda: self._blobs.delete(digest))

    def lost(self) -> tuple[int, list[tuple[str, Digest]]]:
        """Return how many bytes are kept under a digest, and the kind and digest of lost ones.

        Models and bases are read and compared with their digests; of inputs in blobs it is only
        asked whether the file is there.
        """
        query = select(
            inputs.c.digest, inputs.c.kind, inputs.c.data.is_(None).label("in_blobs")
        ).where(inputs.c.forgotten_at.is_(None))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(inputs.c.kind, inputs.c.digest)).all()
        gone = []
        for row in rows:
            try:
                if row.kind in ("model", "base"):
                    self.get(row.digest)
                elif row.in_blobs and not self._blobs.has(row.digest):
                    gone.append((row.kind, row.digest))
            except UserError:
                gone.append((row.kind, row.digest))
        return len(rows), gone

    def sweep(self) -> int:
        """Remove blobs whose input was forgotten but whose file outlived it; counts them."""
        query = select(inputs.c.digest).where(
            inputs.c.forgotten_at.is_not(None), inputs.c.size > INLINE_LIMIT
        )
        with self._database.reading() as connection:
            left = [digest for digest in connection.scalars(query) if self._blobs.has(digest)]
        for digest in left:
            self._blobs.delete(digest)
        return len(left)

    def _known(self, digests: Iterable[Digest]) -> set[Digest]:
        known: set[Digest] = set()
        for chunk in chunks(dict.fromkeys(digests)):
            with self._database.reading() as connection:
                known.update(
                    connection.scalars(
                        select(inputs.c.digest).where(one_of(inputs.c.digest, chunk))
                    )
                )
        return known

    def _checked(self, digest: Digest, data: bytes | None) -> bytes:
        if data is None:
            return self._blobs.get(digest)
        if digest_bytes(data) != digest:
            raise UserError(
                f"{digest} is damaged: the catalog holds {digest_bytes(data)}; restore the "
                "catalog from a backup"
            )
        return data
