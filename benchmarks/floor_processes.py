"""What the walk on the floor stands on: processes, orders that are dropped, what was printed."""

import contextlib
import io
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from example import Example
from walk import Desk

from twoloops.cli.main import run as command
from twoloops.store.workspace import Store
from twoloops.wiring.floor import EdgeStanding, floor

SENTENCES = {
    "ok": ("inspect {part}", "grease {part}", "check {part} level", "{part} looked over, fine"),
    "leak": ("{part} leaking", "oil under {part}", "seal of {part} wet", "{part} drips"),
    "worn": ("{part} worn", "replace {part}, thin", "{part} has play", "scoring on {part}"),
}
PARTS = ("ram", "die cushion", "main valve", "hose", "coupling", "bearing", "clutch", "belt guard")
EDGES = {"press-1": "canary", "press-2": "hall-2"}
TASK = "orders"
PATIENCE = 120.0
"""Seconds that anything of the walk takes at most; a machine at work on other things is slow."""


class Size(NamedTuple):
    """How much is drawn.

    Args:
        first: Orders an edge gets before there is a model.
        later: Orders an edge gets before the second release.
        few: Orders an edge gets at once after that.
        seed_labels: Labels of the first turn.
        labels: Labels of a later turn.
        kinds: Kinds of the stages of the plan.
        least: Decisions that a stage must have seen.
        alone: Whether each command is a process of its own, as it is for whoever types it.
        budget: Milliseconds that a verdict may take.
        pace: Options of an edge: how often it speaks.
    """

    first: int
    later: int
    few: int
    seed_labels: int
    labels: int
    kinds: tuple[str, ...]
    least: int
    alone: bool
    budget: int
    pace: str


class Floor(Example):
    """Runs commands in a folder, some in the background, and keeps what they printed."""

    def __init__(self, folder: Path, size: Size) -> None:
        super().__init__(folder)
        self.size, self.draw = size, random.Random(7)
        self.known: dict[bytes, str] = {}
        self.dropped = 0
        self.started: dict[str, subprocess.Popen[bytes]] = {}
        self.commands: dict[str, str] = {}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def told(self, text: str) -> str:
        """Return text without what is secret or chance: tokens, the port."""
        text = text.replace(f":{self.port}", ":8420").replace(f"--port {self.port} ", "")
        return re.sub(r"2l_\w[\w-]+", "2l_…", text)

    def run(self, name: str, arguments: str) -> str:
        """Run a command to its end, and keep it as it is told."""
        said = super().run(name, arguments) if self.size.alone else self.here(arguments)
        self.keep(name, arguments, said)
        return said

    def here(self, arguments: str) -> str:
        """Run a command in this process: most of the time that a short one takes is Python's.

        Raises:
            SystemExit: It failed.
        """
        print(f"$ twoloops {arguments}", flush=True)
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.chdir(self.folder):
            try:
                command(shlex.split(arguments))
            except SystemExit as stop:
                if stop.code:
                    raise
        return said.getvalue()

    def begin(self, name: str, arguments: str) -> None:
        """Run a command in the background."""
        print(f"$ twoloops {arguments} &", flush=True)
        self.commands[name] = arguments
        path = self.folder / f"{name}.out"
        with path.open("wb") as out:
            self.started[name] = subprocess.Popen(
                [sys.executable, "-m", "twoloops", *shlex.split(arguments)],
                cwd=self.folder,
                env=os.environ | {"COLUMNS": "80", "TERM": "dumb"},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def serve(self, name: str) -> None:
        """Serve the workspace, until it answers."""
        self.begin(name, f"serve --port {self.port} -w plant")
        self.wait("the server begins", lambda: re.search(r"http://\S+\n", self.said(name)))
        self.keep(name, f"serve --port {self.port} -w plant", self.said(name))

    def keep(self, name: str, arguments: str, said: str) -> None:
        """Keep a step."""
        lines = [line.rstrip() for line in self.told(said).splitlines()]
        self.steps[name] = {
            "command": folded(self.told(f"twoloops {arguments}")),
            "output": "\n".join(lines),
        }

    def said(self, name: str) -> str:
        """Return what a command in the background has said so far."""
        return (self.folder / f"{name}.out").read_text(encoding="utf-8")

    def wait(self, what: str, done: Callable[[], object]) -> None:
        """Wait until something is done.

        Raises:
            SystemExit: It takes too long, or a process has ended.
        """
        until = time.monotonic() + PATIENCE
        while not done():
            ended = [name for name, one in self.started.items() if one.poll() is not None]
            if ended or time.monotonic() > until:
                said = "".join(f"{one}:\n{self.said(one)}\n" for one in self.started)
                sys.exit(f"{', '.join(ended) or 'nothing'} ended; waited until {what}\n{said}")
            time.sleep(0.1)

    def kill(self, name: str, how: signal.Signals) -> None:
        """End a process in the background."""
        process = self.started.pop(name)
        process.send_signal(how)
        process.wait(timeout=60)

    def drop(self, count: int, *, later: bool) -> None:
        """Drop so many orders into each edge's folder; later more sentences are in use."""
        for edge in EDGES:
            for _ in range(count):
                self.dropped += 1
                label = self.draw.choices(list(SENTENCES), (5, 3, 2))[0]
                sentence = self.draw.choice(SENTENCES[label][: 4 if later else 2])
                text = f"{sentence.format(part=self.draw.choice(PARTS))} #{self.dropped}"
                self.known[text.encode()] = label
                path = self.folder / "inbox" / edge / f"{self.dropped:04d}.txt.part"
                path.write_text(text)
                path.rename(path.with_suffix(""))

    def store(self) -> Store:
        """Open the workspace beside the server."""
        return Store.open(self.folder / "plant", create=False)

    def edges(self) -> list[EdgeStanding]:
        """Return how the edges stand on the server."""
        with self.store() as store:
            return list(floor(store))

    def all_there(self) -> bool:
        """Whether the server has what the edges kept of everything that was dropped."""
        found = [one.standing for one in self.edges() if one.standing]
        return sum(one.seen for one in found) == self.dropped and not any(
            one.spooled for one in found
        )

    def decides(self, model: str) -> bool:
        """Whether both edges decide with a model."""
        return all(one.standing and one.standing.release == model for one in self.edges())

    def deployed(self) -> str:
        """Return the model that is in force on the server."""
        with self.store() as store:
            release = store.releases.deployed(TASK)
        return "" if release is None else release.model

    def label(self, token: str) -> int:
        """Answer what the turn asks until it is closed; returns the answers."""
        desk = Desk(f"{self.url}/login#token={token}")
        answers = 0

        def closed() -> bool:
            nonlocal answers
            answers += desk.work_through(TASK, self.known.__getitem__)
            with self.store() as store:
                return store.turns.open(TASK) is None

        self.wait("the turn is closed", closed)
        return answers


def folded(words: str) -> str:
    r"""Return a command in lines of at most 90 columns, where its options allow."""
    lines = [""]
    for word in re.split(r" (?=--)", words):
        if lines[-1] and len(lines[-1]) + len(word) > 88:
            lines.append("     ")
        lines[-1] += f" {word}" if lines[-1] else word
    return " \\\n".join(lines)
