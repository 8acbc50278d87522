"""The floor under load on one machine, generators included: intake, many edges, memory.

    python benchmarks/load.py [--rounds 5] [--seconds 60] [--edges 200] [--peers]
        [--mlflow FOLDER] [--label-studio FOLDER]

Intake: an edge's own uplink empties a full spool into a server over HTTP on loopback; each batch is
durable when it is answered, and leaves the spool. Beside it, turn about in the same run, bare
SQLite appends the same rows to the same tables of another workspace on the same disk, a commit a
batch: the raw limit. With --peers, MLflow tracing and Label Studio's import take the same texts,
each as its users run it, on SQLite (they are installed from the package index, 2 GB together,
unless the folders have them). Many edges: heartbeats and looks for releases of simulated edges,
without and with an intake beside them. Memory: a real edge process with each base, idle, and the
server. Everything runs in temporary folders; figures go to benchmarks/results/load.json.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import tempfile
import threading
from pathlib import Path
from typing import Any

import label_studio_peer
import load_edges
import load_memory
import load_mlflow
from label_studio_peer import LabelStudio, rss_mb
from load_ingest import batches, drained_seconds, enrolled, items, raw_seconds, serving, spooled

RESULT = Path(__file__).parent / "results" / "load.json"
SIZES = {"2 kB": (2_000, 20_000), "50 kB": (50_000, 2_000)}
"""Bytes of an input, and how many."""
TARGETS = {"2 kB": 0.3, "50 kB": 0.5}
PEER_ITEMS = {"2 kB": 1_000, "50 kB": 200}


def intake(rounds: int) -> dict[str, Any]:
    """Return items a second of the raw limit and of an edge against a server, by size of input."""
    found: dict[str, Any] = {}
    for name, (size, count) in SIZES.items():
        raw, ours = [], []
        for number in range(rounds):
            inputs = items(count, size, number)
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder)
                (place / "given").mkdir()
                with spooled(place / "given", inputs, "press-1") as spool:
                    given = batches(spool)
                raw.append(count / raw_seconds(place / "raw", given))
                with serving(place / "ws") as (url, _):
                    home = enrolled(place / "edge", url, place / "ws", "press-1")
                    with spooled(place / "edge", inputs, "press-1") as spool:
                        ours.append(count / drained_seconds(home, url, spool))
        ratios = sorted(a / b for a, b in zip(ours, raw, strict=True))
        found[name] = {
            "items": count,
            "batches": len(given),
            "raw_per_s": round(statistics.median(raw)),
            "ours_per_s": round(statistics.median(ours)),
            "ratio": round(statistics.median(ratios), 2),
            "ratios": [round(one, 2) for one in ratios],
            "target": TARGETS[name],
        }
        print(name, found[name])
    return found


def peers(mlflow: Path, label_studio: Path) -> dict[str, Any]:
    """Return items a second of twoloops, MLflow tracing and Label Studio's import, same texts."""
    found: dict[str, Any] = {}
    traces = load_mlflow.install(mlflow)
    studio, _ = label_studio_peer.install(label_studio)
    found["MLflow"] = load_mlflow.version(traces)
    found["Label Studio"] = label_studio_peer.version(studio)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        other = LabelStudio(studio, place / "label-studio", ("leak", "ok"))
        for name, (size, _) in SIZES.items():
            texts = [one.decode() for one in items(PEER_ITEMS[name], size)]
            tag = name.replace(" ", "")
            with serving(place / f"ws-{tag}") as (url, _):
                home = enrolled(place / f"edge-{tag}", url, place / f"ws-{tag}", "press-1")
                with spooled(home.folder, [one.encode() for one in texts], "press-1") as spool:
                    ours = drained_seconds(home, url, spool)
            traced, _ = load_mlflow.logged_seconds(traces, place / f"mlflow-{tag}", texts)
            other.start()
            try:
                imported = other.load(texts)
            finally:
                other.stop()
            found[name] = {
                "items": len(texts),
                "twoloops_per_s": round(len(texts) / ours),
                "mlflow_per_s": round(len(texts) / traced, 1),
                "label_studio_per_s": round(len(texts) / imported, 1),
                "times_mlflow": round(traced / ours, 1),
                "times_label_studio": round(imported / ours, 1),
            }
            print(name, found[name])
    return found


def many(count: int, seconds: float) -> dict[str, Any]:
    """Return how long heartbeats and looks take of many edges, and the server's memory."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with serving(place / "ws") as (url, server):
            idle = rss_mb(server)
            edges = load_edges.enrol_many(place / "ws", count)
            alone = asyncio.run(load_edges.run(url, edges, seconds))
            burst = asyncio.run(load_edges.at_once(url, edges))
            home = enrolled(place / "edge", url, place / "ws", "press-1")
            stop = threading.Event()
            sender = threading.Thread(target=_send_until, args=(home, url, stop))
            sender.start()
            try:
                beside = asyncio.run(load_edges.run(url, edges, seconds))
            finally:
                stop.set()
                sender.join()
            found = {
                "edges": count,
                "seconds": seconds,
                "alone": {name: load_edges.milliseconds(took) for name, took in alone.items()},
                "all at the same moment": load_edges.milliseconds(burst),
                "beside an intake": {
                    name: load_edges.milliseconds(took) for name, took in beside.items()
                },
                "server_mb": {"idle": round(idle), "after": round(rss_mb(server))},
            }
    print(found)
    return found


def _send_until(home: Any, url: str, stop: threading.Event) -> None:
    """Empty spools of 2 kB inputs into the server until told to stop."""
    size, number = SIZES["2 kB"][0], 0
    while not stop.is_set():
        number += 1
        with spooled(home.folder, items(2_000, size, number), "press-1") as spool:
            drained_seconds(home, url, spool)


def main() -> None:
    """Measure what is asked for, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--edges", type=int, default=200)
    parser.add_argument("--peers", action="store_true", help="MLflow and Label Studio, too")
    parser.add_argument("--mlflow", type=Path, metavar="FOLDER")
    parser.add_argument("--label-studio", type=Path, metavar="FOLDER")
    given = parser.parse_args()
    before = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    found: dict[str, Any] = {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "intake": intake(given.rounds),
        "many": many(given.edges, given.seconds),
        "memory_mb": load_memory.measure(),
    }
    print(found["memory_mb"])
    if given.peers:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            found["peers"] = peers(
                given.mlflow or place / "mlflow", given.label_studio or place / "label-studio"
            )
    elif "peers" in before:
        found["peers"] = before["peers"]
    RESULT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
