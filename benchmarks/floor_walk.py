"""The walk of docs/floor-walk.md: a server, two edges, releases that go out in stages, for real.

    python benchmarks/floor_walk.py [--small]

Draws work orders (made up here; they show how the commands go together and measure nothing) and
drops them as text files into the folders of two edges. Server and edges are processes of their own,
and the server is killed on the way. The labels are given through the label page's HTTP interface, by
somebody who knows what was drawn. What was printed goes to benchmarks/results/floor_walk.json, from
which `readme.py` fills docs/floor-walk.md; tokens and the port are replaced, nothing else. With
--small fewer orders are drawn, the plan has one stage, and nothing is kept: that is what the tests
run.
"""

import argparse
import json
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
from example import Example
from walk import Desk

from twoloops.convergence.rollouts.plan import Least, Plan, Stage
from twoloops.edge.home import STANDING, Home, Standing
from twoloops.store.workspace import Store
from twoloops.wiring import rollouts
from twoloops.wiring.floor import EdgeStanding, floor

RESULT = Path(__file__).parent / "results" / "floor_walk.json"
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
    """

    first: int
    later: int
    few: int
    seed_labels: int
    labels: int
    kinds: tuple[str, ...]
    least: int


LARGE = Size(40, 40, 15, 40, 20, ("shadow", "canary", "wave"), 12)
SMALL = Size(20, 24, 5, 30, 20, ("wave",), 4)


class Floor(Example):
    """Runs commands in a folder, some in the background, and keeps what they printed."""

    def __init__(self, folder: Path, size: Size) -> None:
        super().__init__(folder)
        self.size, self.draw = size, random.Random(7)
        self.known: dict[bytes, str] = {}
        self.dropped = 0
        self.started: dict[str, subprocess.Popen[bytes]] = {}
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
        said = super().run(name, arguments)
        self.steps[name] = {key: self.told(text) for key, text in self.steps[name].items()}
        return said

    def begin(self, name: str, arguments: str, until: str) -> str:
        """Run a command in the background; returns what it said until a pattern came."""
        print(f"$ twoloops {arguments} &", flush=True)
        path = self.folder / f"{name}.out"
        with path.open("wb") as out:
            self.started[name] = subprocess.Popen(
                [sys.executable, "-m", "twoloops", *shlex.split(arguments)],
                cwd=self.folder,
                env=os.environ | {"COLUMNS": "80", "TERM": "dumb"},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self.wait(f"{arguments} says {until!r}", lambda: re.search(until, self.said(name)))
        said = self.said(name)
        self.keep(name, arguments, said)
        return said

    def keep(self, name: str, arguments: str, said: str) -> None:
        """Keep a step."""
        lines = [line.rstrip() for line in self.told(said).splitlines()]
        command = self.told(f"twoloops {arguments}")
        self.steps[name] = {"command": command, "output": "\n".join(lines)}

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


def prepare(walk: Floor) -> None:
    """Make a workspace with a task, serve it, and enrol two edges."""
    size = walk.size
    walk.run("init", "init plant")
    turns = f"--seed-labels {size.seed_labels} --labels-per-turn {size.labels}"
    walk.run(
        "task add",
        f"task add {TASK} --kind text --labels ok,leak,worn --normal ok {turns} "
        "--latency-budget-ms 2000 -w plant",
    )
    walk.begin("serve", f"serve --port {walk.port} -w plant", r"http://\S+\n")
    root = re.search(r"sha256:\w+", walk.run("keys show", "keys show -w plant"))
    assert root is not None
    for edge, group in EDGES.items():
        (walk.folder / "inbox" / edge).mkdir(parents=True)
        token = secret(walk.run(f"token {edge}", f"token add {edge} --scope edge -w plant"))
        walk.run(
            f"enrol {edge}",
            f"edge enrol {walk.url} --token {token} --task {TASK} --group {group} "
            f"--root-digest {root[0]} --folder {edge}",
        )
        walk.begin(
            f"run {edge}",
            f"edge run --task {TASK} --source folder:inbox/{edge} --sink jsonl:{edge}.jsonl "
            f"--beat 1 --retry-at-most 2 --folder {edge}",
            "decides",
        )


def secret(said: str) -> str:
    """Return the token that a command printed.

    Raises:
        SystemExit: It printed none.
    """
    found = re.search(r"2l_\S+", said)
    return found[0] if found else sys.exit(f"no token: {said}")


def first_release(walk: Floor) -> str:
    """Orders come in, people label, the first model goes out; returns the labeller's token."""
    walk.drop(walk.size.first, later=False)
    walk.wait("all has come", walk.all_there)
    walk.run("status before", "status -w plant")
    walk.run("turn", "turn -w plant")
    token = secret(walk.run("token ann", "token add ann --scope labeller -w plant"))
    print(f"{walk.label(token)} answers for the first release")
    walk.wait("the first model decides", lambda: walk.decides(walk.deployed()))
    walk.run("edge status", "edge status --folder press-1")
    return token


def roll_out(walk: Floor, token: str) -> None:
    """A second release goes from group to group."""
    size = walk.size
    why = "a walk of ten minutes: labels come later"
    least = Least(hours=0, decisions=size.least, labels=0, no_labels=why)
    groups = {"canary": ("canary",)}
    stages = [Stage(kind=kind, groups=groups.get(kind, ("*",)), least=least) for kind in size.kinds]
    (walk.folder / "plan.json").write_bytes(msgspec.json.encode(Plan(stages=tuple(stages))))
    walk.run("plan", f"rollout plan {TASK} --set plan.json -w plant")
    walk.drop(size.later, later=True)
    walk.wait("all has come", walk.all_there)
    first = walk.deployed()
    walk.run("turn again", "turn -w plant")
    print(f"{walk.label(token)} answers for the second release")
    second = walk.deployed()
    if second == first:
        sys.exit(walk.run("why not", "why -w plant"))
    for number, kind in enumerate(size.kinds):
        walk.wait(f"the {kind} begins", lambda stage=number: stands(walk)[1] == stage + 1)
        walk.wait("the edges follow", lambda now=kind: follow(walk, now, first, second))
        walk.drop(size.few, later=True)
        walk.wait("all has come", walk.all_there)
        if kind == "shadow":
            walk.run("shadow", "edge status --folder press-2")
            walk.run("rollout status", "rollout status -w plant")
    walk.wait("the roll-out is done", lambda: stands(walk)[0] == "done")
    walk.wait("the second model decides", lambda: walk.decides(second))
    walk.run("rollout done", "rollout status -w plant")
    walk.run("status after", "status -w plant")


def stands(walk: Floor) -> tuple[str, int]:
    """Return status and stage of the last roll-out."""
    with walk.store() as store:
        found = rollouts.standing(store)
    return (found[0].status, found[0].stage) if found else ("", 0)


def follow(walk: Floor, kind: str, first: str, second: str) -> bool:
    """Whether the edges do what a stage of a kind asks of them."""
    at = {one.edge: one.standing for one in walk.edges()}
    if kind == "shadow":
        return all(one and one.mode == "shadow" for one in at.values())
    if kind == "canary":
        counts = {edge: one and one.release for edge, one in at.items()}
        return counts == {"press-1": second, "press-2": first}
    return walk.decides(second)


def pull_the_plug(walk: Floor) -> None:
    """Kill the server, go on dropping orders, start it again: nothing is lost."""
    few = walk.size.few
    walk.kill("serve", signal.SIGKILL)
    walk.drop(few, later=True)
    homes = [Home(walk.folder / edge) for edge in EDGES]

    def alone() -> bool:
        found = [one for home in homes if (one := home.read(STANDING, Standing)) is not None]
        return all(one.failures for one in found) and (
            sum(one.seen for one in found) == walk.dropped
        )

    walk.wait("the edges decide alone", alone)
    walk.run("edge status alone", "edge status --folder press-2")
    walk.begin("serve", f"serve --port {walk.port} -w plant", r"http://\S+\n")
    walk.wait("all has come", walk.all_there)
    walk.run("status again", "status -w plant")


def count(walk: Floor) -> None:
    """Compare the edges' verdicts with what is stored.

    Raises:
        SystemExit: Something is lost, or there twice.
    """
    told = [
        json.loads(line)
        for edge in EDGES
        for line in (walk.folder / f"{edge}.jsonl").read_text().splitlines()
    ]
    kept = sorted(one["place"] for one in told if one["place"])
    with walk.store() as store:
        stored = sorted(str(one.place) for one in store.observations.of_task(TASK))
    if len(told) != walk.dropped or kept != stored:
        sys.exit(f"{walk.dropped} dropped, {len(told)} decided, {len(kept)} kept, {len(stored)} stored")
    print(f"{walk.dropped} orders dropped and decided, {len(kept)} kept, all stored once")


def go_back(walk: Floor) -> None:
    """An edge goes back by hand, then everything ends."""
    words = "edge rollback --why 'calls dry presses leaking' --folder press-1"
    walk.run("rollback", words)
    after = "edge status --folder press-1"
    back = lambda: "Because of" in walk.said("run press-1").rpartition("before:")[2]  # noqa: E731
    walk.wait("press-1 has gone back", back)
    walk.run("after rollback", after)
    for edge in EDGES:
        walk.kill(f"run {edge}", signal.SIGINT)
        found = walk.steps[f"run {edge}"]
        walk.keep(f"ran {edge}", "", walk.said(f"run {edge}"))
        walk.steps[f"ran {edge}"]["command"] = found["command"]
    walk.kill("serve", signal.SIGINT)
    walk.run("doctor", "doctor -w plant")


def play(walk: Floor) -> None:
    """Walk from an empty workspace to an edge that went back."""
    try:
        prepare(walk)
        roll_out(walk, first_release(walk))
        pull_the_plug(walk)
        go_back(walk)
        count(walk)
    finally:
        for process in walk.started.values():
            process.kill()
            process.wait()


def main() -> None:
    """Run the walk and keep its output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few orders; keep nothing")
    small = parser.parse_args().small
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="twoloops-floor-walk-") as folder:
        walk = Floor(Path(folder), SMALL if small else LARGE)
        play(walk)
    print(f"{time.monotonic() - began:.0f} s")
    if not small:
        RESULT.write_text(json.dumps(walk.steps, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
