"""The walk of docs/floor-walk.md: a server, two edges, releases that go out in stages, for real.

    python benchmarks/floor_walk.py [--small]

Draws work orders (made up here; they show how the commands go together and measure nothing) and
drops them as text files into the folders of two edges. Server and edges are processes of their
own, and the server is killed on the way. The labels are given through the label page's HTTP
interface, by somebody who knows what was drawn. What was printed goes to
benchmarks/results/floor_walk.json, from which `readme.py` fills docs/floor-walk.md; tokens and the
port are replaced, nothing else. With --small fewer orders are drawn, the plan has one stage,
commands that end run in this process, and nothing is kept: that is what the tests run.
"""

import argparse
import json
import re
import signal
import sys
import tempfile
import time
from pathlib import Path

from floor_processes import EDGES, TASK, Floor, Size

from twoloops.edge.home import STANDING, Home, Standing
from twoloops.wiring import rollouts

RESULT = Path(__file__).parent / "results" / "floor_walk.json"
TURNS = 6
"""Turns in which a second model is released at the latest."""
LARGE = Size(
    40,
    40,
    15,
    40,
    20,
    ("shadow", "canary", "wave"),
    12,
    alone=True,
    budget=2_000,
    pace="--beat 1 --retry-at-most 2",
)
SMALL = Size(
    20,
    24,
    5,
    30,
    20,
    ("wave",),
    4,
    alone=False,
    budget=60_000,
    pace="--beat 0.3 --retry-at-most 0.3",
)


def prepare(walk: Floor) -> None:
    """Make a workspace with a task, serve it, and enrol two edges."""
    size = walk.size
    walk.run("init", "init plant")
    turns = f"--seed-labels {size.seed_labels} --labels-per-turn {size.labels}"
    walk.run(
        "task add",
        f"task add {TASK} --kind text --labels ok,leak,worn --normal ok {turns} "
        f"--latency-budget-ms {size.budget} -w plant",
    )
    walk.serve("serve")
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
            f"{size.pace} --folder {edge}",
        )
    walk.wait("the edges are heard", lambda: all(one.standing for one in walk.edges()))


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


def plan_file(walk: Floor) -> None:
    """Write a plan whose stages end within the walk."""
    why = "a walk of ten minutes"
    least = {"hours": 0, "decisions": walk.size.least, "labels": 0, "no_labels": why}
    canary = {"groups": ["canary"]}
    stages = [
        json.dumps({"kind": kind} | (canary if kind == "canary" else {}) | {"least": least})
        for kind in walk.size.kinds
    ]
    text = '{"stages": [\n  ' + ",\n  ".join(stages) + "\n]}\n"
    (walk.folder / "plan.json").write_text(text)
    walk.steps["plan file"] = {"command": "cat plan.json", "output": text.rstrip()}


def next_release(walk: Floor, token: str, first: str) -> str:
    """Turn until the gate releases another model; it rightly waits for evidence.

    Raises:
        SystemExit: It does not, in many turns.
    """
    for _ in range(TURNS):
        walk.drop(walk.size.later, later=True)
        walk.wait("all has come", walk.all_there)
        walk.run("turn again", "turn -w plant")
        print(f"{walk.label(token)} answers for the second release")
        if (second := walk.deployed()) != first:
            return second
    sys.exit(walk.run("why not", "why -w plant"))


def roll_out(walk: Floor, token: str) -> None:
    """A second release goes from group to group."""
    size = walk.size
    plan_file(walk)
    walk.run("plan", f"rollout plan {TASK} --set plan.json -w plant")
    first = walk.deployed()
    second = next_release(walk, token, first)
    for number, kind in enumerate(size.kinds):
        walk.wait(f"the {kind} begins", lambda stage=number: stands(walk)[1] == stage + 1)
        walk.wait("the edges follow", lambda now=kind: follow(walk, now, first, second))
        if number == 0 and size.alone:
            walk.wait("it says what it waits for", lambda: standing(walk).waits)
            walk.run("rollout status", "rollout status -w plant")
        walk.drop(size.few, later=True)
        walk.wait("all has come", walk.all_there)
        if kind == "shadow":
            walk.run("shadow", "edge status --folder press-2")
    walk.wait("the roll-out is done", lambda: stands(walk)[0] == "done")
    # Going back holds until the next assignment: the last one of the roll-out must be there first.
    walk.wait("all edges run the release for good", lambda: for_good(walk, second))
    walk.run("rollout done", "rollout status -w plant")
    walk.run("status after", "status -w plant")


def standing(walk: Floor) -> rollouts.RolloutStanding:
    """Return how the last roll-out stands; there is one."""
    with walk.store() as store:
        return rollouts.standing(store)[0]


def stands(walk: Floor) -> tuple[str, int]:
    """Return status and stage of the last roll-out; there may be none yet."""
    with walk.store() as store:
        found = rollouts.standing(store)
    return (found[0].status, found[0].stage) if found else ("", 0)


def for_good(walk: Floor, model: str) -> bool:
    """Whether a model counts on both edges, with none beside it."""
    found = [one.standing for one in walk.edges()]
    return all(one and (one.release, one.mode) == (model, "full") for one in found)


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
    walk.serve("serve again")
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
        sys.exit(
            f"{walk.dropped} dropped, {len(told)} decided, {len(kept)} kept, {len(stored)} stored"
        )
    print(f"{walk.dropped} orders dropped and decided, {len(kept)} kept, all stored once")


def go_back(walk: Floor) -> None:
    """An edge goes back by hand, then everything ends."""
    words = "edge rollback --why 'calls dry presses leaking' --folder press-1"
    walk.run("rollback", words)
    walk.wait("press-1 has gone back", lambda: not walk.decides(walk.deployed()))
    for edge in EDGES:
        walk.kill(f"run {edge}", signal.SIGINT)
        walk.keep(f"run {edge}", walk.commands[f"run {edge}"], walk.said(f"run {edge}"))
    walk.kill("serve again", signal.SIGINT)


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
