"""How long the lineage takes to answer with 10,000 models and 20,000 edges, SQLite on disk.

Writes a catalog whose models descend from 12 bases through generations, each learned from a
dataset, and times ancestors, descendants and paths of models drawn at random; the obligations of
a model are computed over the whole graph as well. Medians are of `--queries` queries.

    python benchmarks/lineage.py
"""

import argparse
import json
import platform
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from twoloops.digital.obligations import Graph, Own, Thing, flow
from twoloops.store.rows import Edge, Node
from twoloops.store.workspace import Store

RESULT = Path(__file__).parent / "results" / "lineage.json"
MODELS, BASES, DATASETS = 10_000, 12, 500
DAY = date(2026, 11, 24)


def made(seed: int) -> tuple[list[Node], list[Edge]]:
    """Return nodes and 20,000 edges: two a model, one to a base or an earlier model."""
    rng = random.Random(seed)
    bases = [Node("base", f"base {n}", f"base:{n}") for n in range(BASES)]
    datasets = [Node("dataset", f"dataset {n}", f"dataset:{n}") for n in range(DATASETS)]
    models = [Node("model", f"model {n}", f"model:{n}") for n in range(MODELS)]
    edges = []
    for n, model in enumerate(models):
        # One in ten is made from a base; the others from a model made not long before.
        if n < 20 or rng.random() < 0.1:
            edges.append(Edge(model.digest, rng.choice(bases).digest, "specialised from"))
        else:
            above = models[rng.randrange(max(0, n - 400), n)]
            edges.append(Edge(model.digest, above.digest, "distilled from"))
        edges.append(Edge(model.digest, rng.choice(datasets).digest, "learned from"))
    return [*bases, *datasets, *models], edges


def timed(ask: Callable[[], Any]) -> tuple[float, Any]:
    """Return milliseconds and the answer."""
    start = time.perf_counter()
    answer = ask()
    return 1e3 * (time.perf_counter() - start), answer


def summary(times: list[float], sizes: list[int]) -> dict[str, float]:
    """Return the median and the 95th centile in milliseconds, and how much was found."""
    return {
        "median_ms": round(statistics.median(times), 3),
        "p95_ms": round(sorted(times)[int(0.95 * (len(times) - 1))], 3),
        "median_found": statistics.median(sizes),
        "most_found": max(sizes),
    }


def measure(folder: Path, queries: int, seed: int) -> dict[str, Any]:
    """Write the catalog, ask, and return the figures."""
    nodes, edges = made(seed)
    rng = random.Random(seed + 1)
    with Store.open(folder) as store:
        lineage = store.lineage
        written, _ = timed(lambda: lineage.add_many(nodes, edges))
        models = [one.digest for one in rng.sample(nodes[-MODELS:], queries)]
        bases = [one.digest for one in nodes[:BASES]]
        up = [timed(lambda one=one: lineage.ancestors(one)) for one in models]
        down = [timed(lambda one=one: lineage.descendants(one)) for one in models]
        whole = [timed(lambda one=one: lineage.descendants(one)) for one in bases]
        paths = []
        for one in models:
            above = [node for node in lineage.ancestors(one) if node.kind == "base"]
            paths.append(timed(lambda one=one, to=above[0].digest: lineage.path(one, to)))
    graph = Graph(
        tuple(
            Thing(n.digest, n.kind, n.title, Own("Apache-2.0" if n.kind == "base" else ""))
            for n in nodes
        ),
        tuple(edges),
    )
    flows = [timed(lambda one=one: flow(graph, one, "publish", DAY)) for one in models[:10]]
    return {
        "models": MODELS,
        "nodes": len(nodes),
        "edges": len(edges),
        "queries": queries,
        "bulk_insert_ms": round(written, 1),
        **{
            name: summary([ms for ms, _ in rows], [len(found) for _, found in rows])
            for name, rows in (
                ("ancestors", up),
                ("descendants", down),
                ("descendants_of_a_base", whole),
                ("path_to_a_base", paths),
                ("obligations_in_memory", flows),
            )
        },
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), arguments.queries, arguments.seed)
    found["machine"] = {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.system(),
        "processor": platform.machine(),
    }
    arguments.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
