"""Durable ingest for load.py: the raw limit of the catalog's file, and an edge against a server."""

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from label_studio_peer import end, free_port

from twoloops.edge.backoff import Backoff
from twoloops.edge.batch import MOST
from twoloops.edge.client import HttpServer
from twoloops.edge.enrolling import Enrol, enrol
from twoloops.edge.home import Home
from twoloops.edge.process import first_standing
from twoloops.edge.sources import Arrival
from twoloops.edge.spool import Spool
from twoloops.edge.spoolrows import Spooled
from twoloops.edge.uplink import BATCH_BYTES, Uplink
from twoloops.records.digests import canonical
from twoloops.records.observation import Decision, Kept
from twoloops.records.task import Task
from twoloops.store.database import stamp
from twoloops.store.workspace import CATALOG, Store
from twoloops.wiring import trust

SOURCE = Path(__file__).parents[1] / "src"
TASK = Task("orders", "text", ("leak", "ok"), normal="ok")
AT = datetime(2026, 3, 1, tzinfo=UTC)
ALPHABET = "abcdefghijklmnopqrstuvwxyz      "
SERVE = """
import sys
from pathlib import Path
from twoloops.server.serving import bind, run
folder, port = Path(sys.argv[1]), int(sys.argv[2])
run(folder, bind("127.0.0.1", port), f"http://127.0.0.1:{port}")
"""


def items(count: int, size: int, seed: int = 0) -> list[bytes]:
    """Return texts that differ, of random letters: they compress about as language does."""
    draw = random.Random(seed)
    return [
        f"{number} {''.join(draw.choices(ALPHABET, k=size))}"[:size].encode()
        for number in range(count)
    ]


def spooled(folder: Path, inputs: list[bytes], edge: str) -> Spool:
    """Return a spool that holds inputs with their decisions, as an edge at work leaves it."""
    spool = Spool(folder / "spool.db", edge)
    decision = Decision("leak", (0.7, 0.3), "sha256:" + "0" * 64, 0.5, 0.1)
    for number, data in enumerate(inputs):
        arrival = Arrival(data, AT + timedelta(seconds=number), "incoming")
        spool.append(arrival, TASK.name, decision, Kept("uncertain", 1.0))
    spool.flush()
    return spool


def batches(spool: Spool) -> list[list[Spooled]]:
    """Return what a spool holds in batches as its uplink sends them; the spool is emptied."""
    found = []
    while batch := spool.pending(MOST, BATCH_BYTES):
        found.append(batch)
        spool.acknowledge(batch[-1].observation.place.counter)
    return found


def raw_seconds(folder: Path, given: list[list[Spooled]]) -> float:
    """Append the same rows to a catalog's two tables by bare SQLite, a commit a batch.

    The tables, their indices, the journal mode and the syncing are those of a workspace; the rows
    are made before the clock starts.
    """
    with Store.open(folder) as store:
        store.tasks.put(TASK)
    rows = [
        (
            [(one.observation.input, "text", len(one.input), one.input) for one in batch],
            [
                (
                    one.observation.place.edge,
                    one.observation.place.epoch,
                    one.observation.place.counter,
                    TASK.name,
                    one.observation.input,
                    one.observation.period,
                    stamp(one.observation.observed_at),
                    canonical(one.observation).decode(),
                )
                for one in batch
            ],
        )
        for batch in given
    ]
    with contextlib.closing(sqlite3.connect(folder / CATALOG, isolation_level=None)) as connection:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        began = time.perf_counter()
        for inputs, observations in rows:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO inputs (digest, kind, size, data) VALUES (?, ?, ?, ?)", inputs
            )
            connection.executemany(
                "INSERT INTO observations (edge, epoch, counter, task, input, period,"
                " observed_at, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                observations,
            )
            connection.execute("COMMIT")
        return time.perf_counter() - began


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[str, int]]:
    """Serve a new workspace by a process of its own; yields its address and its process id.

    Its scheduler of turns is off: what is measured is the intake.
    """
    with Store.open(folder) as store:
        store.tasks.put(TASK)
        trust.begin(folder, datetime.now(UTC))
        trust.publish(folder, store, datetime.now(UTC))
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(folder), str(port)],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_it_answers(url, process)
        yield url, process.pid
    finally:
        end(process)


def wait_until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return once a server answers.

    Raises:
        RuntimeError: It does not.
    """
    until = time.monotonic() + 120
    while True:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{url}/login", timeout=5).close()
            return
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError("the server does not answer")
        time.sleep(0.05)


def enrolled(folder: Path, url: str, workspace: Path, name: str) -> Home:
    """Enrol an edge at a server."""
    with Store.open(workspace, create=False) as store:
        token = store.tokens.add(name, "edge", datetime.now(UTC))[1]
    enrol(folder, url, token, Enrol(TASK.name), first_standing())
    return Home(folder)


def drained_seconds(home: Home, url: str, spool: Spool) -> float:
    """Send all that a spool holds by the edge's own uplink; each batch is durable when answered."""
    uplink = Uplink(
        HttpServer(url, home.token()),
        spool,
        standing=first_standing,
        on_orders=lambda orders: None,
        backoff=Backoff(lambda: 1.0),
        beat=1e9,
    )
    uplink.beat()  # what comes first is no intake
    began = time.perf_counter()
    while not uplink.drained:
        uplink.step()
        if uplink.failures:
            raise RuntimeError(uplink.last_error)
    return time.perf_counter() - began
