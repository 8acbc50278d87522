"""A workspace with questions, served by a real process that can be killed and started again."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import twoloops
from twoloops.edge.spoolrows import Spooled
from twoloops.physical.ingest import ingest
from twoloops.physical.labelling.questions import ask
from twoloops.records.digests import digest_bytes
from twoloops.records.label import Question
from twoloops.records.observation import Decision, Kept, Observation, Place
from twoloops.records.task import Task
from twoloops.records.token import Scope
from twoloops.store.workspace import Store

# As `twoloops label` serves: turns go on by their command alone, when a test wants them to.
SERVE = """
import sys
from pathlib import Path
from twoloops.server.serving import alone, bind, run
folder, port = Path(sys.argv[1]), int(sys.argv[2])
with alone(folder):
    run(folder, bind("127.0.0.1", port), f"http://127.0.0.1:{port}")
"""
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def questions(
    folder: Path, task: Task, inputs: Sequence[bytes], decision: Decision | None = None
) -> list[Place]:
    """Make a workspace whose open turn 1 asks about inputs, in their order."""
    places = [Place(task.name, "e1", number) for number in range(1, len(inputs) + 1)]
    with Store.open(folder) as store, store.transaction():
        store.tasks.put(task)
        seen = [
            Observation(
                place, task.name, digest_bytes(data), AT, "turn 1", decision, Kept("routine", 1.0)
            )
            for place, data in zip(places, inputs, strict=True)
        ]
        ingest(store, [Spooled(one, data) for one, data in zip(seen, inputs, strict=True)])
        asked = [Question(place, 1, "selected", 0.5, rank) for rank, place in enumerate(places)]
        ask(store, task.name, asked)
        store.turns.put(task.name, 1, "label")
    return places


class Served:
    """A workspace's server, a process of its own, at one port as long as the test lasts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Served":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(self.folder), str(self.port)],
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(Path(twoloops.__file__).parents[1])},
        )
        until = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/login", timeout=5).close()
                return
            assert self.process.poll() is None, "the server ended at once"
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def token(self, name: str, scope: Scope = "labeller") -> str:
        """Make a token."""
        with Store.open(self.folder, create=False) as store:
            return store.tokens.add(name, scope, datetime.now(UTC))[1]

    def store(self) -> Store:
        """Open the workspace beside the server."""
        return Store.open(self.folder, create=False)
