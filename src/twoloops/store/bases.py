"""Bases that were added to a workspace: graph, card, vetting, and where they came from."""

from datetime import datetime

import msgspec
from sqlalchemy import Row, select, update

from twoloops.records.base import BaseCard
from twoloops.records.digests import Digest, canonical, digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.finding import Vetting
from twoloops.store.database import Database, stamp
from twoloops.store.inputs import Inputs
from twoloops.store.rows import StoredBase
from twoloops.store.schema import bases

_cards = msgspec.json.Decoder(BaseCard)
_vettings = msgspec.json.Decoder(Vetting)


class Bases:
    """Added bases by name.

    Laws: adding twice is adding once; a name never comes to mean other bytes; what was dropped
    is no longer offered, and its bytes stay for the models that stand on it.
    """

    def __init__(self, database: Database, inputs: Inputs) -> None:
        self._database = database
        self._inputs = inputs

    def add(
        self,
        graph: bytes,
        card: BaseCard,
        vetting: Vetting,
        source: str,
        at: datetime,
        shape: tuple[int, int] | None = None,
    ) -> StoredBase:
        """Keep a base and offer it.

        Args:
            graph: Its ONNX bytes.
            card: What is known of it; its name is the base's.
            vetting: The record of its vetting.
            source: Where it came from, with the revision.
            at: When.
            shape: (channels, samples), for signals.

        Raises:
            UserError: Another base has the name.
        """
        with self._database.transaction() as connection:
            before = self.find(card.name)
            if before is not None and before.digest != digest_bytes(graph):
                raise UserError(
                    f"another base of this workspace is named {card.name!r} ({before.source}): "
                    "give this one a name of its own with  --name"
                )
            digest = self._inputs.put(graph, "base")
            self._database.insert_absent(
                bases,
                [
                    {
                        "name": card.name,
                        "digest": digest,
                        "source": source,
                        "shape": None if shape is None else canonical(shape).decode(),
                        "card": canonical(card).decode(),
                        "vetting": canonical(vetting).decode(),
                        "added_at": stamp(at),
                    }
                ],
            )
            connection.execute(
                update(bases).where(bases.c.name == card.name).values(dropped_at=None)
            )
        return self.get(card.name)

    def drop(self, name: str, at: datetime) -> None:
        """No longer offer a base.

        Raises:
            UserError: There is none of that name.
        """
        with self._database.transaction() as connection:
            self.get(name)
            connection.execute(
                update(bases)
                .where(bases.c.name == name, bases.c.dropped_at.is_(None))
                .values(dropped_at=stamp(at))
            )

    def all(self) -> list[StoredBase]:
        """Return every base, dropped ones too, by name."""
        with self._database.reading() as connection:
            return [_row(row) for row in connection.execute(select(bases).order_by(bases.c.name))]

    def find(self, name: str) -> StoredBase | None:
        """Return a base, or `None`."""
        with self._database.reading() as connection:
            found = connection.execute(select(bases).where(bases.c.name == name)).first()
        return None if found is None else _row(found)

    def get(self, name: str) -> StoredBase:
        """Return a base.

        Raises:
            UserError: There is none of that name.
        """
        found = self.find(name)
        if found is None:
            names = [one.name for one in self.all()]
            raise UserError(
                f"no base {name!r} was added to this workspace: "
                f"{f'there are {names}' if names else 'none was, see  twoloops base search'}"
            )
        return found

    def graph(self, digest: Digest) -> bytes:
        """Return a base's ONNX bytes."""
        return self._inputs.get(digest)


def _row(row: Row[tuple[str, ...]]) -> StoredBase:
    shape = None if row.shape is None else msgspec.json.decode(row.shape, type=tuple[int, int])
    return StoredBase(
        name=row.name,
        digest=row.digest,
        source=row.source,
        shape=shape,
        card=_cards.decode(row.card),
        vetting=_vettings.decode(row.vetting),
        added_at=datetime.fromisoformat(row.added_at),
        dropped_at=None if row.dropped_at is None else datetime.fromisoformat(row.dropped_at),
    )
