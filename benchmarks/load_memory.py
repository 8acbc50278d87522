"""What an edge holds in memory, for load.py: a real edge process with a model of each base."""

import io
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from label_studio_peer import rss_mb
from load_ingest import SOURCE, serving
from PIL import Image

from twoloops.convergence.recipes.encode import Encoder
from twoloops.convergence.recipes.specialise import specialise
from twoloops.digital.base import Base
from twoloops.digital.catalogue import first_base, upstream
from twoloops.edge.enrolling import Enrol, enrol
from twoloops.edge.home import STANDING, Home, Standing
from twoloops.edge.process import first_standing
from twoloops.records.dataset import Dataset, Item
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import TransientError
from twoloops.records.gate import Verdict
from twoloops.records.task import Kind, Task
from twoloops.store.workspace import Store
from twoloops.wiring import trust

CHANNELS, SAMPLES = 3, 512
KINDS: tuple[Kind, ...] = ("text", "signal", "image")
PATIENCE = 120.0
IDLE = 15.0
"""Seconds of idling before memory is read: an edge gives memory back every ten."""
# As on a device: nothing of the extra `server` can be imported there.
EDGE = """
import sys
from twoloops.cli.main import SERVER, run
sys.modules |= dict.fromkeys(SERVER)
run(sys.argv[1:])
"""


def measure() -> dict[str, float]:
    """Return the resident memory in MB of an idle edge by base, after it has decided 20 inputs."""
    found = {}
    for kind in KINDS:
        shape = (CHANNELS, SAMPLES) if kind == "signal" else None
        task = Task("bench", kind, ("bad", "good"), normal="good", shape=shape)
        for base in _bases(task):
            found[f"{kind}: {base.card.name}"] = _idle(task, base)
    return found


def _bases(task: Task) -> list[Base]:
    bases = [first_base(task.kind, task.shape)]
    if task.kind == "signal":  # the other ones of signals stand in for an open model
        return bases
    with tempfile.TemporaryDirectory() as cache:
        for offer in upstream(task.kind, task.shape):
            try:
                bases.append(offer.load(Path(cache)))
            except TransientError:
                print(f"  {offer.name} is not at hand: left out")
    return bases


def _inputs(kind: Kind, count: int = 40) -> list[bytes]:
    draw = np.random.default_rng(0)
    made = []
    for number in range(count):
        file, bad = io.BytesIO(), number % 2
        if kind == "text":
            made.append(f"pump {number} {'leaks' if bad else 'is fine'}".encode())
            continue
        if kind == "signal":
            values = draw.normal(0, 1 + bad, (CHANNELS, SAMPLES)).astype(np.float32)
            np.save(file, values)
        else:
            pixels = draw.integers(0, 120 + 100 * bad, (480, 640, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(file, "JPEG")
        made.append(file.getvalue())
    return made


def _idle(task: Task, base: Base) -> float:
    inputs = _inputs(task.kind)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        source = place / "inbox"
        source.mkdir()
        suffix = {"text": ".txt", "signal": ".npy", "image": ".jpg"}[task.kind]
        for number, data in enumerate(inputs[:20]):
            (source / f"{number}{suffix}").write_bytes(data)
        with serving(place / "ws") as (url, _):
            _release(place / "ws", task, base, inputs)
            with Store.open(place / "ws", create=False) as store:
                token = store.tokens.add("press-4", "edge", datetime.now(UTC))[1]
            enrol(place / "edge", url, token, Enrol(task.name), first_standing())
            words = ["edge", "run", "--task", task.name, "--source", f"folder:{source}"]
            process = subprocess.Popen(
                [sys.executable, "-c", EDGE, *words, "--folder", str(place / "edge")],
                stdout=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": str(SOURCE)},
            )
            try:
                return _settled(Home(place / "edge"), process)
            finally:
                process.kill()
                process.wait()


def _release(workspace: Path, task: Task, base: Base, inputs: list[bytes]) -> None:
    by_digest = {digest_bytes(data): data for data in inputs}
    with Store.open(workspace, create=False) as store:
        store.tasks.put(task)
        items = [
            Item(0, digest, task.labels[number % 2], "train", True, 1.0, digest)
            for number, digest in enumerate(store.inputs.put_many(inputs, task.kind))
        ]
        dataset = Dataset.of(task.name, items)
        store.datasets.put(dataset, 0)
        made = specialise(
            base, dataset, task, Encoder(), lambda wanted: {one: by_digest[one] for one in wanted}
        )
        model = store.models.put(made.model(0.5), made.card(0.5), 0)
        verdict = Verdict(True, "first", "to measure memory", 1.0, 0, 0.0)
        store.releases.approve(task.name, 0, model, verdict, datetime.now(UTC))
        trust.publish(workspace, store, datetime.now(UTC))


def _settled(home: Home, process: "subprocess.Popen[bytes]") -> float:
    """Wait until the edge decides by the model and has sent what it kept; returns its memory."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        stands = home.read(STANDING, Standing)
        if stands is not None and stands.release and stands.seen >= 20 and not stands.spooled:
            time.sleep(IDLE)
            return round(rss_mb(process.pid), 1)
        if process.poll() is not None:
            break
        time.sleep(0.2)
    raise RuntimeError(f"the edge does not settle: {msgspec.to_builtins(stands)}")
