"""A workspace's store: catalog, blobs, journal and lineage in one folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType

from sqlalchemy import URL

from twoloops.records.digests import Digest
from twoloops.records.errors import UserError
from twoloops.store.arrivals import Marks, Quarantine
from twoloops.store.bases import Bases
from twoloops.store.blobs import Blobs, FolderBlobs, MemoryBlobs
from twoloops.store.database import Database
from twoloops.store.datasets import Datasets
from twoloops.store.edges import Edges
from twoloops.store.given import Notes, Passes, Withdrawn
from twoloops.store.inputs import Inputs
from twoloops.store.journal import Journal
from twoloops.store.keys import Keys
from twoloops.store.labels import Labels, Questions
from twoloops.store.leases import Leases
from twoloops.store.lineage import Lineage
from twoloops.store.models import Models, Releases
from twoloops.store.observations import Observations
from twoloops.store.rollouts import Rollouts
from twoloops.store.rows import Forgotten
from twoloops.store.second_looks import SecondLooks
from twoloops.store.tasks import Tasks
from twoloops.store.teachers import Calls, Teachers
from twoloops.store.tokens import Tokens
from twoloops.store.turns import Evidence, Turns

CATALOG = "catalog.db"
BLOBS = "blobs"


class Store:
    """Everything a workspace knows, by subject. Used by one thread at a time.

    Args:
        database: The catalog.
        blobs: Where long inputs lie.
    """

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self.blobs = blobs
        self.tasks = Tasks(database)
        self.inputs = Inputs(database, blobs)
        self.observations = Observations(database)
        self.questions = Questions(database)
        self.labels = Labels(database)
        self.leases = Leases(database)
        self.notes = Notes(database)
        self.passes = Passes(database)
        self.withdrawn = Withdrawn(database)
        self.second_looks = SecondLooks(database)
        self.datasets = Datasets(database)
        self.models = Models(database, self.inputs)
        self.releases = Releases(database)
        self.rollouts = Rollouts(database)
        self.bases = Bases(database, self.inputs)
        self.tokens = Tokens(database)
        self.turns = Turns(database)
        self.evidence = Evidence(database)
        self.marks = Marks(database)
        self.edges = Edges(database)
        self.quarantine = Quarantine(database)
        self.journal = Journal(database)
        self.lineage = Lineage(database)
        self.keys = Keys(database)
        self.teachers = Teachers(database)
        self.calls = Calls(database)

    @classmethod
    def open(cls, folder: Path, *, create: bool = True) -> "Store":
        """Open a workspace's folder.

        Args:
            folder: Holds `catalog.db` and `blobs/`.
            create: Whether to make what is not there.

        Raises:
            UserError: If there is no workspace and none is to be made, or it cannot be read.
        """
        catalog = folder / CATALOG
        if not create and not catalog.is_file():
            raise UserError(
                f"{folder} is no workspace (it has no {CATALOG}): make one with  "
                f"twoloops init {folder}"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            blobs = FolderBlobs(folder / BLOBS)
        except OSError as error:
            raise UserError(
                f"cannot make the workspace {folder}: {error.strerror}; choose a folder you "
                "may write to"
            ) from error
        return cls(Database(URL.create("sqlite", database=str(catalog))), blobs)

    @classmethod
    def in_memory(cls) -> "Store":
        """Return a store that ends with the process."""
        return cls(Database("sqlite://"), MemoryBlobs())

    def close(self) -> None:
        """Let go of the catalog."""
        self._database.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self, *, savepoint: bool = True) -> Iterator[None]:
        """Commit everything written inside together, or nothing of it.

        Every write outside of one is a commit of its own. Inside another transaction it is a
        part of that one; see `Database.transaction`.
        """
        with self._database.transaction(savepoint=savepoint):
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let everything that is read inside see one state; inside nothing is written."""
        with self._database.snapshot():
            yield

    def leave_log(self) -> None:
        """Leave the catalog's log to another store's `checkpoint`; see `Database.leave_log`."""
        self._database.leave_log()

    def checkpoint(self) -> None:
        """Copy the catalog's log into the catalog; see `Database.checkpoint`."""
        self._database.checkpoint()

    def forget(self, digest: Digest, at: datetime) -> Forgotten:
        """Remove an input's bytes for good; digest and tombstone stay.

        Every observation with exactly these bytes loses them. Returns what used them.

        Raises:
            UserError: If the digest is unknown, or names a model.
        """
        with self.transaction():
            places = tuple(one.place for one in self.observations.of_input(digest))
            datasets = self.datasets.using(digest)
            models = {model.digest for model in self.models.made_from(datasets)}
            for dataset in datasets:
                models |= {
                    node.digest
                    for node in self.lineage.descendants(dataset)
                    if node.kind == "model"
                }
            self.inputs.forget(digest, at)
            self.journal.append(
                "input forgotten",
                task="",
                turn=-1,
                key=f"input forgotten/{digest}",
                at=at,
                body={"input": digest},
            )
        return Forgotten(digest, places, tuple(datasets), tuple(sorted(models)))

    def sweep(self) -> int:
        """Finish what a process that died has left: half-written and forgotten blobs.

        Only the holder of the workspace's lock may call it. Returns the number of files removed.
        """
        partial = self.blobs.sweep() if isinstance(self.blobs, FolderBlobs) else 0
        return partial + self.inputs.sweep()
