"""An edge and a server as real processes, killed and cut off, and what must hold afterwards."""

import contextlib
import itertools
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from broken_network import BrokenNetwork
from served import Served

import twoloops
from twoloops.edge.enrolling import Enrol, enrol
from twoloops.edge.process import first_standing
from twoloops.records.task import Task
from twoloops.store.workspace import CATALOG, Store
from twoloops.wiring import trust
from twoloops.wiring.floor import floor

TASK = Task("orders", "text", ("leak", "ok"), normal="ok")

# The edge with a clock that is wrong by so many seconds.
EDGE = """
import sys
from datetime import datetime, timedelta
import twoloops.edge.process as process
import twoloops.edge.adapters.file as file

class Shifted(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + timedelta(seconds=float(sys.argv[1]))

process.datetime = file.datetime = Shifted
from twoloops.cli.main import run
run(sys.argv[2:])
"""
DAY = 86_400.0
SMALL = 96 * 1024
"""Bytes that a file of the edge may have while its disk is full."""


class Outcome(NamedTuple):
    """What was done, and what became of it.

    Args:
        faults: By kind.
        sent: Inputs that the source held.
        lost: Of them, not stored.
        duplicated: Stored more than once.
        disordered: Stored in another order than they came, or later than one that came after.
        unexplained: Numbers in gaps without a reason.
        unknown: Numbers in gaps of power cuts, at most that many verdicts were lost.
    """

    faults: Counter[str]
    sent: int
    lost: int
    duplicated: int
    disordered: int
    unexplained: int
    unknown: int

    def __str__(self) -> str:
        return f"{self.faults.total()} faults, {self.lost} lost, {self.duplicated} duplicated"


class Floor:
    """One edge behind a broken network.

    Args:
        folder: Of everything.
        lines: How many inputs the edge's file has.
        share: Share of the connections that meet a fault.
        seed: Of the draws.
        every: Seconds between two inputs.
        size: Characters of an input, about; with many of them several batches are on their way.
    """

    def __init__(
        self,
        folder: Path,
        *,
        lines: int,
        share: float,
        seed: int,
        every: float,
        size: int = 0,
    ) -> None:
        self.folder, self.lines, self.every = folder, lines, every
        self.draw = random.Random(seed)
        self.faults: Counter[str] = Counter()
        more = random.Random(seed).randbytes
        with (folder / "lines.txt").open("w") as file:
            file.writelines(
                f"hose {number} leaks {more(size // 2).hex()}\n" for number in range(lines)
            )
        with Store.open(folder / "workspace") as store:
            store.tasks.put(TASK)
        trust.begin(folder / "workspace", datetime.now(UTC))
        self.server = Served(folder / "workspace")
        self.server.start()
        token = self.server.token("press-4", "edge")
        enrol(folder / "edge", self.server.url, token, Enrol(TASK.name), first_standing())
        self.network = BrokenNetwork(self.server.port, share, seed)
        settings = folder / "edge" / "edge.json"
        settings.write_text(settings.read_text().replace(self.server.url, self.network.url))
        self.edge: subprocess.Popen[bytes] | None = None

    def start_edge(self, *, clock: float = 0.0, full_disk: bool = False) -> None:
        words = ["edge", "run", "--task", TASK.name, "--source"]
        words += [f"file:{self.folder / 'lines.txt'}", "--folder", str(self.folder / "edge")]
        words += ["--beat", "0.5", "--retry-at-most", "0.2", "--every", str(self.every)]
        with (self.folder / "edge.err").open("ab") as errors:
            self.edge = subprocess.Popen(
                [sys.executable, "-c", EDGE, str(clock), *words],
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env={**os.environ, "PYTHONPATH": str(Path(twoloops.__file__).parents[1])},
                preexec_fn=_small_files if full_disk else None,
            )

    def _ended(self) -> bool:
        return self.edge is not None and self.edge.poll() is not None

    def kill_edge(self) -> None:
        assert self.edge is not None
        if not self._ended():
            self.faults["edge killed"] += 1
        self.edge.send_signal(signal.SIGKILL)
        self.edge.wait()

    def kill_server(self) -> None:
        self.faults["server killed"] += 1
        self.server.kill()
        time.sleep(self.draw.uniform(0, 0.3))
        self.server.start()

    def disturb(self, lives: int, longest: float, *, server_every: int = 3) -> None:
        """Let the edge live so many times, each ended by SIGKILL; kill the server in between.

        In a hurried life the network is nearly whole and inputs come as fast as they are taken:
        then several batches are on their way when it ends.
        """
        share, every = self.network.share, self.every
        for life in range(lives):
            kind = self.draw.choice(("plain", "clock", "disk", "cut", "hurry"))
            if kind == "hurry":
                self.network.share, self.every = share / 4, 0.0
            clock = self.draw.choice((-DAY, DAY)) if kind == "clock" else 0.0
            if kind in ("clock", "disk"):
                self.faults[{"clock": "clock jumped", "disk": "disk full"}[kind]] += 1
            self.network.down = kind == "cut"
            before, until = self.network.connections, time.monotonic() + 30
            self.start_edge(clock=clock, full_disk=kind == "disk")
            # A busy machine takes its time: a process that does nothing yet is no test.
            while self.network.connections == before and time.monotonic() < until:
                if self._ended():  # a disk may be too full to begin on
                    break
                time.sleep(0.02)
            time.sleep(self.draw.uniform(0.3, min(longest, 1.0) if kind == "hurry" else longest))
            if life % server_every == server_every - 1:
                self.kill_server()
            self.network.down, self.network.share, self.every = False, share, every
            self.kill_edge()

    def finish(self, seconds: float = 120) -> Outcome:
        """Let the edge end by itself on a network that works, and count."""
        self.network.share = 0.0
        self.every = 0.0
        self.start_edge()
        assert self.edge is not None
        assert self.edge.wait(timeout=seconds) == 0, (self.folder / "edge.err").read_text()
        self.faults.update(self.network.faults)
        with self.server.store() as store:
            seen = store.observations.of_task(TASK.name)
            data = store.inputs.get_many(one.input for one in seen)
            (edge,) = floor(store)
            assert store.quarantine.count() == 0
        ordered = sorted(seen, key=lambda one: one.place)
        numbers = [int(data[one.input].split()[1]) for one in ordered]
        count = Counter(numbers)
        return Outcome(
            faults=self.faults,
            sent=self.lines,
            lost=self.lines - len(count),
            duplicated=sum(n - 1 for n in count.values()),
            disordered=sum(a >= b for a, b in itertools.pairwise(numbers)) + self._overtaken(),
            unexplained=edge.unexplained,
            unknown=sum(gap.last - gap.first + 1 for gap in edge.gaps),
        )

    def _overtaken(self) -> int:
        """Count the observations that were kept after one with a higher number of their epoch."""
        uri = f"file:{self.folder / 'workspace' / CATALOG}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as catalog:
            rows = catalog.execute("SELECT epoch, counter FROM observations ORDER BY rowid")
            last: Counter[str] = Counter()
            overtaken = 0
            for epoch, counter in rows:
                overtaken += counter < last[epoch]
                last[epoch] = max(last[epoch], counter)
        return overtaken

    def close(self) -> None:
        if self.edge is not None and not self._ended():
            self.edge.kill()
            self.edge.wait()
        self.network.close()
        self.server.kill()


def _small_files() -> None:
    # As a full disk does: writing beyond fails; the signal would end the process otherwise.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, SMALL))
