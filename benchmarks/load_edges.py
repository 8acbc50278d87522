"""Many edges at once, for load.py: how long a heartbeat and a look for releases take them.

Each asks as an edge does: a connection a request; a look is what TUF's client asks where nothing
is new, the next root (none) and the timestamp.
"""

import asyncio
import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
import numpy as np
from load_ingest import TASK

from twoloops.edge.process import first_standing
from twoloops.store.workspace import Store

BEAT, LOOK = 10.0, 60.0
"""Seconds between two heartbeats (as by default) and two looks (by default 300) of an edge."""


class Edge(NamedTuple):
    """Its name, and its token."""

    name: str
    secret: str


def enrol_many(workspace: Path, count: int) -> list[Edge]:
    """Enrol edges in the workspace itself: what is measured comes later."""
    at, made = datetime.now(UTC), []
    with Store.open(workspace, create=False) as store, store.transaction():
        for number in range(count):
            name = f"edge-{number}"
            token, secret = store.tokens.add(name, "edge", at)
            store.edges.enrol(name, TASK.name, f"hall-{number % 4}", token.id, token.id, at)
            store.edges.settled(name)
            made.append(Edge(name, secret))
    return made


async def run(url: str, edges: list[Edge], seconds: float) -> dict[str, list[float]]:
    """Let edges beat and look for so long, each at a phase of its own; returns the seconds each."""
    took: dict[str, list[float]] = {"heartbeat": [], "look": []}
    draw = random.Random(0)
    until = time.perf_counter() + seconds

    async def live(edge: Edge) -> None:
        next_beat = time.perf_counter() + draw.uniform(0, BEAT)
        next_look = time.perf_counter() + draw.uniform(0, LOOK)
        while (due := min(next_beat, next_look)) < until:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if due == next_beat:
                took["heartbeat"].append(await beat(url, edge))
                next_beat = due + BEAT
            else:
                took["look"].append(await look(url, edge))
                next_look = due + LOOK

    await asyncio.gather(*map(live, edges))
    return took


async def at_once(url: str, edges: list[Edge]) -> list[float]:
    """Let all edges beat at the same moment, as after a power cut; returns the seconds each."""
    return list(await asyncio.gather(*(beat(url, edge) for edge in edges)))


async def beat(url: str, edge: Edge) -> float:
    """Send a heartbeat; returns the seconds."""
    standing = msgspec.structs.replace(first_standing(), clock=datetime.now(UTC).isoformat())
    began = time.perf_counter()
    path = f"/api/v1/edges/{edge.name}/heartbeat"
    await _ask(url, edge, "POST", path, msgspec.json.encode(standing), (200,))
    return time.perf_counter() - began


async def look(url: str, edge: Edge) -> float:
    """Look for releases; returns the seconds."""
    began = time.perf_counter()
    await _ask(url, edge, "GET", "/trust/metadata/2.root.json", b"", (404,))
    await _ask(url, edge, "GET", "/trust/metadata/timestamp.json", b"", (200,))
    return time.perf_counter() - began


async def _ask(
    url: str, edge: Edge, method: str, path: str, body: bytes, allowed: tuple[int, ...]
) -> None:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n"
            f"Authorization: Bearer {edge.secret}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await reader.read()
    finally:
        writer.close()
    status = int(answer.split(b" ", 2)[1])
    if status not in allowed:
        raise RuntimeError(f"{method} {path}: {answer[:500]!r}")


def milliseconds(took: list[float]) -> dict[str, float]:
    """Return count, median, 99th percentile and maximum in milliseconds."""
    values = 1000 * np.array(took)
    return {
        "count": len(took),
        "median_ms": round(float(np.median(values)), 1),
        "p99_ms": round(float(np.quantile(values, 0.99)), 1),
        "max_ms": round(float(values.max()), 1),
    }
