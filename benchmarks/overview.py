"""How long the overview page takes: 5,000 observations, 20 turns, a real server process.

Makes a workspace of made-up work orders, drives it through three real turns, writes the records of
seventeen more as turns leave them (with the models of the real ones: the page fits nothing either),
starts `twoloops serve` on it and times whole answers over HTTP: the first page after the start, the
page after something was decided (everything is computed again), the page again, and the counts that
it asks for every few seconds. Processor time stands beside wall time: machines may be busy.

    python benchmarks/overview.py [--workspace DIR]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

import httpx2
import numpy as np
from msgspec.structs import replace
from plant import grown, orders

from twoloops.convergence.turns.state import Candidate, TurnState
from twoloops.physical.labelling.answers import answer
from twoloops.records.dataset import Dataset, Item
from twoloops.records.digests import digest_bytes
from twoloops.records.label import Label, Note, Question
from twoloops.records.money import Money
from twoloops.records.observation import Decision, Kept, Observation, Place
from twoloops.server.serving import serving
from twoloops.store.workspace import Store
from twoloops.wiring.workspace import now, reading, writing

RESULT = Path(__file__).parent / "results" / "overview.json"
TURNS, ROWS, TIMES = 20, 288, 7


def make(folder: Path) -> None:
    """Make the workspace: three real turns, then the records of further ones."""
    grown(folder)
    with writing(folder) as store:
        models = [one.model for one in store.releases.all("orders")]
        for number in range(3, TURNS):
            with store.transaction():
                write_turn(store, number, models[number % len(models)])


def write_turn(store: Store, number: int, model: str) -> None:
    """Write what a turn leaves behind: observations, questions, labels, a dataset, a verdict."""
    at = datetime.now(UTC)
    rows = orders(ROWS, seed=1000 + number)
    rng = np.random.default_rng(number)
    labels = store.tasks.get("orders").labels
    seen = []
    for counter, (_, label) in enumerate(rows):
        said = label if rng.random() < 0.9 else str(rng.choice(labels))
        shares = tuple(rng.dirichlet(np.ones(len(labels))).tolist())
        decision = Decision(said, shares, model, 0.5, 0.3)
        place = Place("line", f"e{number}", counter)
        data = digest_bytes(rows[counter][0].encode())
        kept = Kept("routine", float(rng.choice([0.1, 0.5, 1.0])))
        seen.append(Observation(place, "orders", data, at, f"turn {number}", decision, kept))
    store.inputs.put_many([text.encode() for text, _ in rows], "text")
    store.observations.add_many(seen)
    store.observations.claim("orders", number)
    asked = [
        Question(one.place, number, "audit" if rank < 8 else "selected",
                 8 / ROWS if rank < 8 else None, rank)
        for rank, one in enumerate(seen[:20])
    ]  # fmt: skip
    store.questions.add_many("orders", asked)
    for question, (_, label) in zip(asked, rows, strict=False):
        given = Label(question.observation, label, "person:ann", at, Money(Decimal(1)))
        answer(store, "orders", [given], at=at)  # a fact a label, as the label page leaves them
        store.notes.put(question.observation, "person:ann", Note(6.0))
    items = [
        Item(number, one.input, label, "train", False, -1.0, one.input)
        for one, (_, label) in zip(seen[:20], rows, strict=False)
    ]
    before = store.datasets.latest("orders")
    dataset = Dataset.of("orders", [*(before.items if before else ()), *items])
    digest = store.datasets.put(dataset, number)
    released = number % 2 == 0
    verdict = store.releases.all("orders")[-1].verdict
    said = replace(verdict, released=released)
    state = TurnState(
        number=number, period=f"turn {number}", stage="closed", dataset=digest,
        bases=("builtin/char-ngram",), released=model if released else None, reason=verdict.reason,
        candidates=(Candidate("builtin/char-ngram", model, said),),
    )  # fmt: skip
    store.turns.put("orders", number, "closed", state, closed=True)
    if released:
        store.releases.approve("orders", number, model, said, at)
    for kind in ("observations claimed", "questions asked", "dataset frozen", "gate passed"):
        store.journal.append(kind, task="orders", turn=number, key=f"{number} {kind}", at=at,
                             body={"model": model, "reason": verdict.reason})  # fmt: skip


def decide(folder: Path, number: int) -> None:
    """Append a fact, so that nothing remembered holds any more."""
    with writing(folder) as store:
        store.journal.append(
            "labels paid",
            task="orders",
            turn=-1,
            key=f"timed {time.time()} {number}",
            at=datetime.now(UTC),
            body={"labels": "1", "labellers": "person:nobody", "content": str(number)},
            cost=Money(Decimal(1)),
        )


def cpu_of(pid: int) -> float:
    """Return the processor seconds of a process so far (Linux)."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def timed(server: "subprocess.Popen[bytes]", ask: Callable[[], Any]) -> tuple[float, float]:
    """Return wall and processor milliseconds of an answer."""
    begun, used = time.perf_counter(), cpu_of(server.pid)
    answer = ask()
    assert answer.status_code == 200, answer.text[:500]
    return 1000 * (time.perf_counter() - begun), 1000 * (cpu_of(server.pid) - used)


def measure(folder: Path) -> dict[str, Any]:
    """Serve the workspace and time its answers."""
    with writing(folder) as store:
        _, token = store.tokens.add("timing", "reader", now())
    command = [sys.executable, "-m", "twoloops", "serve", "--port", "0", "-w", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        url = address_of(folder)
        head = {"Authorization": f"Bearer {token}"}
        with httpx2.Client(base_url=url, headers=head, timeout=120) as client:
            wait_for(client)
            first = timed(server, lambda: client.get("/"))
            anew, again, counts, why = [], [], [], []
            for number in range(TIMES):
                decide(folder, number)
                anew.append(timed(server, lambda: client.get("/")))
                again.append(timed(server, lambda: client.get("/")))
                counts.append(timed(server, lambda: client.get("/api/v1/overview/counts")))
                why.append(timed(server, lambda: client.get("/why/deployed")))
            size = len(client.get("/").content)
    finally:
        server.terminate()
        server.wait(30)
    with reading(folder) as store:
        observations = store.observations.count("orders")
        turns = len(store.turns.all("orders"))
        facts = store.journal.head()[0]
    return {
        "observations": observations,
        "turns": turns,
        "facts": facts,
        "page_kb": round(size / 1000, 1),
        "first_ms": middle([first]),
        "anew_ms": middle(anew),
        "again_ms": middle(again),
        "counts_ms": middle(counts),
        "why_ms": middle(why),
        "load": round(os.getloadavg()[0], 1),
        "cores": os.cpu_count(),
    }


def address_of(folder: Path) -> str:
    """Return where a workspace is served, once it is."""
    for _ in range(600):
        found = serving(folder)
        if found is not None:
            return found.url
        time.sleep(0.1)
    sys.exit("the server does not start")


def wait_for(client: httpx2.Client) -> None:
    """Wait until the server answers; the login page needs no workspace."""
    for _ in range(600):
        try:
            client.get("/login")
            return
        except httpx2.TransportError:
            time.sleep(0.1)
    sys.exit("the server does not answer")


def middle(times: list[tuple[float, float]]) -> dict[str, float]:
    """Return medians of wall and processor time, and the longest wall time."""
    wall, cpu = zip(*times, strict=True)
    return {
        "wall": round(statistics.median(wall), 1),
        "cpu": round(statistics.median(cpu), 1),
        "longest": round(max(wall), 1),
    }


def main() -> None:
    """Make the workspace, measure, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, help="Keep it there, or use what is there.")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="twoloops-overview-") as folder:
        place = said.workspace or Path(folder) / "plant"
        if not (place / "catalog.db").is_file():
            make(place)
        found = measure(place)
    print(json.dumps(found, indent=1))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
