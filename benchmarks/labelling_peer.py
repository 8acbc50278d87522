"""Labelling beside Label Studio community edition: start-up, import, submits and nexts per second.

    python benchmarks/labelling_peer.py [--environment FOLDER] [--items 1000] [--cycles 200]

Label Studio is installed from the package index into an environment of its own (about 1 GB; a
folder that has it already is used again), and both are started as their users start them, on
SQLite, one after the other on one machine in one run. One client asks for the next item and answers
it, then the next, over one connection to loopback. Everything runs in a temporary folder; figures
go to benchmarks/results/labelling_peer.json.

What is not equal is said in the file: Label Studio imports over HTTP into the running server, the
items of twoloops come by two commands in processes of their own (`ingest`, then `turn`, which also
decides which to ask about), whose start is counted.
"""

import argparse
import json
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Protocol

from label_studio_peer import Client, LabelStudio, cpu_s, end, install, rss_mb, version

RESULT = Path(__file__).parent / "results" / "labelling_peer.json"
SOURCE = Path(__file__).parents[1] / "src"
LABELS = ("leak", "ok", "worn")
TASK = "orders"
START_LIMIT = 120


class Tool(Protocol):
    """What is measured of each."""

    name: str

    def start(self) -> float:
        """Start the server; returns the seconds until it answers."""

    def load(self, texts: list[str]) -> float:
        """Bring in texts to label; returns the seconds."""

    def next(self) -> Any:
        """Return the next item."""

    def submit(self, item: Any, label: str) -> None:
        """Answer an item."""

    def rss(self) -> float:
        """Return the server's resident memory in MB."""

    def cpu(self) -> float:
        """Return the CPU time of the server in seconds."""

    def stop(self) -> None:
        """End the server."""


class Twoloops:
    """A workspace and its server, by the command line."""

    name = "twoloops"

    def __init__(self, folder: Path) -> None:
        self._folder, self._workspace = folder, folder / "plant"
        self._environment = os.environ | {"PYTHONPATH": str(SOURCE)}
        self._server: subprocess.Popen[str] | None = None
        self._client: Client | None = None
        self._token = ""

    def start(self) -> float:
        """Start the server, of a new workspace the first time; returns the seconds."""
        began = time.perf_counter()
        if not self._workspace.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._run("init", str(self._workspace))
        with (self._folder / "server.log").open("a") as log:
            self._server = subprocess.Popen(
                [
                    sys.executable, "-m", "twoloops", "serve", "--port", "0",
                    "--workspace", str(self._workspace),
                ],
                env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=log, text=True,
            )  # fmt: skip
        port = self._told()
        while time.perf_counter() - began < START_LIMIT:
            try:
                self._client = Client(port, f"Bearer {self._token}")
                self._client("GET", "/api/v1/status")
            except OSError:
                time.sleep(0.02)
                continue
            return time.perf_counter() - began
        raise RuntimeError(f"not up after {START_LIMIT} s: see {self._folder / 'server.log'}")

    def _told(self) -> int:
        """Return the port that the server prints, and keep the token of its first start."""
        assert self._server is not None
        assert self._server.stdout is not None
        before = ""
        for line in self._server.stdout:
            if before.startswith("Admin token"):
                self._token = line.strip()
            found = re.search(r"http://\S+?:(\d+)", line)
            if found:
                return int(found[1])
            before = line
        raise RuntimeError(f"it ended: see {self._folder / 'server.log'}")

    def load(self, texts: list[str]) -> float:
        """Take the texts in and let a turn ask about each; the server runs meanwhile."""
        count = str(len(texts))
        self._run(
            "task", "add", TASK, "--kind", "text", "--labels", ",".join(LABELS),
            "--seed-labels", count, "--labels-per-turn", count,
        )  # fmt: skip
        source = self._folder / "orders.csv"
        source.write_text("text\n" + "".join(f"{one}\n" for one in texts), encoding="utf-8")
        began = time.perf_counter()
        self._run("ingest", str(source), "--task", TASK)
        self._run("turn", TASK)
        took = time.perf_counter() - began
        asked = self._call("label/next", {"ahead": 1})["progress"]["asked"]
        if asked != len(texts):
            raise RuntimeError(f"the turn asks about {asked} of {len(texts)} items")
        return took

    def next(self) -> Any:
        """Lease the next item."""
        return self._call("label/next", {"ahead": 1})["items"][0]["observation"]

    def submit(self, item: Any, label: str) -> None:
        """Answer an item."""
        self._call("label/answer", {"observation": item, "label": label, "seconds": 1.0})

    def rss(self) -> float:
        """Return the server's resident memory in MB."""
        return 0.0 if self._server is None else rss_mb(self._server.pid)

    def cpu(self) -> float:
        """Return the CPU time of the server in seconds."""
        return 0.0 if self._server is None else cpu_s(self._server.pid)

    def stop(self) -> None:
        """End the server that `start` started."""
        if self._server is not None:
            end(self._server)
            self._server = None

    def _call(self, what: str, body: Any) -> Any:
        if self._client is None:
            raise RuntimeError("start it first")
        return self._client("POST", f"/api/v1/tasks/{TASK}/{what}", body)

    def _run(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "twoloops", *words],
            env=self._environment | {"TWOLOOPS_WORKSPACE": str(self._workspace)},
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"twoloops {' '.join(words)}: {done.stderr}")


def texts_of(count: int) -> list[str]:
    """Return distinct made-up work orders."""
    draw = random.Random(0)
    parts = ("pump", "gearbox", "hose", "bearing", "valve", "belt", "motor", "seal")
    what = ("leaking", "worn out", "inspect", "grease", "rattles", "oil under it", "has play")
    return [f"{draw.choice(parts)} {n} {draw.choice(what)} line {n % 9}" for n in range(count)]


def measure(tool: Tool, texts: list[str], cycles: int) -> dict[str, Any]:
    """Return one tool's figures."""
    draw = random.Random(1)
    nexts, submits = [], []
    try:
        first = tool.start()
        loaded = tool.load(texts)
        used = tool.cpu()
        for _ in range(cycles):
            began = time.perf_counter()
            item = tool.next()
            between = time.perf_counter()
            tool.submit(item, draw.choice(LABELS))
            submits.append(time.perf_counter() - between)
            nexts.append(between - began)
        used = tool.cpu() - used
        memory = tool.rss()
        tool.stop()
        again = tool.start()
    finally:
        tool.stop()
    found = {
        "first_start_s": first,
        "start_s": again,
        "import_s": loaded,
        "nexts_per_s": cycles / sum(nexts),
        "submits_per_s": cycles / sum(submits),
        "next_p50_ms": 1e3 * statistics.median(nexts),
        "next_p95_ms": 1e3 * statistics.quantiles(nexts, n=20)[-1],
        "submit_p50_ms": 1e3 * statistics.median(submits),
        "submit_p95_ms": 1e3 * statistics.quantiles(submits, n=20)[-1],
        "cpu_ms_per_item": 1e3 * used / cycles,
        "rss_mb": memory,
    }
    print(
        tool.name, json.dumps({name: round(value, 3) for name, value in found.items()}), flush=True
    )
    return {name: round(value, 4) for name, value in found.items()}


def ratios(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, float]:
    """Return how many times better ours is: above 1 is faster or smaller."""
    return {
        name: round(
            ours[name] / theirs[name] if name.endswith("per_s") else theirs[name] / value, 2
        )
        for name, value in ours.items()
    }


def main() -> None:
    """Measure both and write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--environment", type=Path, help="has Label Studio, or will have")
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--cycles", type=int, default=200)
    options = parser.parse_args()
    texts = texts_of(options.items)
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs, installing = install(options.environment or folder / "environment")
        theirs = measure(LabelStudio(programs, folder / "peer", LABELS), texts, options.cycles)
        ours = measure(Twoloops(folder / "ours"), texts, options.cycles)
        found = {
            "items": options.items,
            "cycles": options.cycles,
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
            "python": platform.python_version(),
            "load_before": round(busy, 1),
            "label_studio": {"version": version(programs), **theirs},
            "twoloops": ours,
            "ratios": ratios(ours, theirs),
            "unequal": "Label Studio imports over HTTP into the running server; twoloops by the "
            "commands ingest and turn, whose start is counted. A first start makes the database.",
        }
    if installing > 1:
        found["label_studio"]["install_s"] = round(installing, 1)
    RESULT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {RESULT}: {json.dumps(found['ratios'])}")


if __name__ == "__main__":
    main()
