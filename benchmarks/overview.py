"""How long the overview page takes: 5,000 observations, 20 turns, a real server process.

Makes a workspace of made-up work orders, drives it through its turns with known labels, starts
`twoloops serve` on it and times whole answers over HTTP: the first page after the start, the page
after something was decided (everything is computed again), the page again, and the counts that it
asks for every few seconds. The processor time beside the wall time says what a busy machine hides.

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
from plant import Plant, orders

from twoloops.convergence.turns.policy import Policy
from twoloops.records.money import Money
from twoloops.wiring.workspace import now, reading, writing

RESULT = Path(__file__).parent / "results" / "overview.json"
TURNS, ROWS, TIMES = 20, 260, 7


def make(folder: Path) -> None:
    """Drive a workspace through its turns; other bases are tried only where a slice fails."""
    policy = Policy(labels_per_turn=20, audit_share=0.4, seed_labels=40, rebase="failures")
    plant = Plant(folder, policy=policy)
    for number in range(TURNS):
        plant.bring(orders(ROWS, seed=number, later=number / TURNS))
        state = plant.turn()
        print(f"turn {number}: {state.reason[:90]}", flush=True)


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


def timed(server: "subprocess.Popen[str]", ask: Callable[[], Any]) -> tuple[float, float]:
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
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        line = next(one for one in server.stdout if one.startswith("Serving"))
        url = line.split(" at ")[1].split()[0]
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
        "first_ms": round(first[0], 1),
        "anew_ms": middle(anew),
        "again_ms": middle(again),
        "counts_ms": middle(counts),
        "why_ms": middle(why),
        "load": round(os.getloadavg()[0], 1),
        "cores": os.cpu_count(),
    }


def wait_for(client: httpx2.Client) -> None:
    """Wait until the server answers; the login page needs no workspace."""
    for _ in range(100):
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
