"""The edge's two clocks: verdict time against a bare onnxruntime call, and time to durable.

Both sides run the same model (about 1 ms on one thread) in one process, turn about, one input a
call. Ours takes the raw bytes and does everything an edge does before it answers: it reads the
`.npy`, runs the model, applies the threshold rule and the capture rule, and queues the observation
(every one is kept here, the worst case). The bare side gets a prepared tensor and returns raw
outputs. Time to durable runs from the verdict to the commit of the observation's group.

    python benchmarks/edge.py [--calls 2000] [--rounds 5] [--folder build]
"""

import argparse
import io
import json
import os
import platform
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from twoloops.edge.agent import Agent
from twoloops.edge.capture import CapturePolicy
from twoloops.edge.metadata import to_properties
from twoloops.edge.runtime import Runtime
from twoloops.edge.sources import Arrival
from twoloops.edge.spool import Spool
from twoloops.records.base import ModelCard
from twoloops.records.preprocess import Preprocess, Window
from twoloops.records.task import Task

CHANNELS, SAMPLES, WIDTH = 3, 256, 64
LABELS = ("crack", "good", "loose")
TARGETS = {"ratio_p50": 1.3, "ratio_p99": 1.5, "durable_ms_p99": 50.0}
RESULT = Path(__file__).parent / "results" / "edge.json"


def convolutions(depth: int) -> bytes:
    """A model of `depth` one-dimensional convolutions, a mean over time and a linear head."""
    rng = np.random.default_rng(0)
    nodes, weights = [], []

    def weight(name: str, *shape: int) -> str:
        values = rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))
        weights.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    last = "window"
    for layer in range(depth):
        kernel = weight(f"w{layer}", WIDTH, WIDTH if layer else CHANNELS, 9)
        nodes += [
            helper.make_node("Conv", [last, kernel], [f"c{layer}"], pads=[4, 4]),
            helper.make_node("Relu", [f"c{layer}"], [f"r{layer}"]),
        ]
        last = f"r{layer}"
    head = weight("head", WIDTH, len(LABELS))
    nodes += [
        helper.make_node("ReduceMean", [last], ["embedding"], axes=[2], keepdims=0),
        helper.make_node("MatMul", ["embedding", head], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node("ReduceMin", ["probabilities"], ["novelty"], axes=[1], keepdims=0),
    ]
    tensor = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "convolutions",
        [tensor("window", TensorProto.FLOAT, ["n", CHANNELS, SAMPLES])],
        [
            tensor("probabilities", TensorProto.FLOAT, ["n", len(LABELS)]),
            tensor("embedding", TensorProto.FLOAT, ["n", WIDTH]),
            tensor("novelty", TensorProto.FLOAT, ["n"]),
        ],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    card = ModelCard("fan", LABELS, "good", 0.5, "benchmark", "sha256:", "none", "sha256:")
    preprocess = Preprocess((Window(CHANNELS, SAMPLES),))
    helper.set_model_props(model, to_properties(preprocess, {}, card))
    return model.SerializeToString()


def bare_session(model: bytes) -> Any:
    """The same model with no more around it than onnxruntime needs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def one_millisecond() -> bytes:
    """The depth whose bare call comes closest to 1 ms here."""
    window = {"window": np.zeros((1, CHANNELS, SAMPLES), np.float32)}
    timed = []
    for depth in range(1, 13):
        session = bare_session(convolutions(depth))
        times = [clock(lambda s=session: s.run(None, window)) for _ in range(100)]
        timed.append((abs(statistics.median(times) - 1.0), depth))
        if statistics.median(times) > 1.5:
            break
    return convolutions(min(timed)[1])


def clock(call: Any) -> float:
    """Milliseconds that a call takes."""
    start = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start) / 1e6


def measure(model: bytes, calls: int, folder: Path) -> dict[str, list[float]]:
    """One round: times in milliseconds of bare calls, of ours, and from verdict to durable."""
    rng = np.random.default_rng(1)
    tensors = rng.normal(size=(calls, 1, CHANNELS, SAMPLES)).astype(np.float32)
    raw = []
    for tensor in tensors:
        stream = io.BytesIO()
        np.save(stream, tensor[0])
        raw.append(stream.getvalue())
    session, answered, durable = bare_session(model), np.zeros(calls), np.zeros(calls)
    last = 0

    def committed(counter: int) -> None:
        nonlocal last
        durable[last:counter] = time.perf_counter()
        last = counter

    task = Task("fan", "signal", LABELS, normal="good", shape=(CHANNELS, SAMPLES))
    bare: list[float] = []
    ours: list[float] = []
    with Spool(folder / "spool.db", "edge", on_commit=committed) as spool:
        agent = Agent("edge", task, Runtime(model), CapturePolicy(routine=1.0), spool, seed=1)

        def bare_call(index: int) -> None:
            bare.append(clock(lambda: session.run(None, {"window": tensors[index]})))

        def our_call(index: int) -> None:
            arrival = Arrival(raw[index], datetime.now(UTC), "benchmark")
            ours.append(clock(lambda: agent.observe([arrival])))
            answered[index] = time.perf_counter()

        for index in range(calls):
            first, second = (bare_call, our_call) if index % 2 else (our_call, bare_call)
            first(index)
            second(index)
        spool.flush()
        assert spool.committed == calls  # every single one was kept
    return {"bare": bare, "ours": ours, "durable": ((durable - answered) * 1e3).tolist()}


def percentiles(times: list[float]) -> dict[str, float]:
    """The two percentiles that are reported."""
    p50, p99 = np.percentile(times, [50, 99])
    return {"p50": round(float(p50), 4), "p99": round(float(p99), 4)}


def summary(rounds: list[dict[str, list[float]]]) -> dict[str, Any]:
    """Ratios by round, their median and range; percentiles over all rounds."""
    result: dict[str, Any] = {}
    for name, q in (("ratio_p50", 50), ("ratio_p99", 99)):
        ratios = [np.percentile(r["ours"], q) / np.percentile(r["bare"], q) for r in rounds]
        result[name] = round(float(statistics.median(ratios)), 3)
        result[name + "_range"] = [round(float(min(ratios)), 3), round(float(max(ratios)), 3)]
    for name in ("bare", "ours", "durable"):
        result[name + "_ms"] = percentiles([time for r in rounds for time in r[name]])
    result["durable_ms_p99"] = result["durable_ms"]["p99"]
    result["durable_ms_max"] = round(max(max(r["durable"]) for r in rounds), 2)
    return result


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path("build"), help="on the disk to test")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    model = one_millisecond()
    rounds = []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            rounds.append(measure(model, options.calls, Path(folder)))
    found = summary(rounds)
    found |= {
        "calls_per_round": options.calls,
        "rounds": options.rounds,
        "targets": TARGETS,
        "met": {name: found[name] <= target for name, target in TARGETS.items()},
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}, onnxruntime {onnxruntime.__version__}, one thread",
    }
    print(f"{'':24}{'p50':>9}{'p99':>9}")
    for name, title in (("bare", "bare onnxruntime, ms"), ("ours", "verdict, ms")):
        print(f"{title:24}{found[name + '_ms']['p50']:9.3f}{found[name + '_ms']['p99']:9.3f}")
    print(f"{'ratio (median of rounds)':24}{found['ratio_p50']:9.3f}{found['ratio_p99']:9.3f}")
    print(f"{'verdict to durable, ms':24}{found['durable_ms']['p50']:9.2f}", end="")
    print(f"{found['durable_ms']['p99']:9.2f}   max {found['durable_ms_max']}")
    print(found["machine"])
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
