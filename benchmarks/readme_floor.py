"""The blocks about the floor: what chaos cost, intake beside its raw limit, many edges, memory."""

from collections.abc import Callable
from typing import Any

from readme_tables import missing, read, table

KILLS = ("edge killed", "server killed")


def chaos() -> str:
    """Return what was injected, and what was lost and duplicated."""
    found: Any = read("chaos")
    if not found:
        return "measured by `make chaos`: not yet"
    faults = found["faults"]
    kills = sum(faults.get(kind, 0) for kind in KILLS)
    others = sum(faults.values()) - kills
    return (
        f"{sum(faults.values()):,} faults, {found['lost']} lost, {found['duplicated']} duplicated "
        f"({kills} processes killed, {others:,} faults of network, disk and clock; "
        f"{found['sent']:,} inputs, {found['disordered']} out of order, {found['unexplained']} "
        f"unexplained; {found['seconds'] / 60:.0f} minutes)"
    )


def intake() -> str:
    """Return items a second beside the raw limit."""
    found: Any = read("load")
    if not found:
        return missing("load")
    lines = [
        [
            name,
            f"{one['ours_per_s']:,}",
            f"{one['raw_per_s']:,}",
            f"{one['ratio']:.2f} ({one['ratios'][0]:.2f} to {one['ratios'][-1]:.2f})",
            f"{one['target']:g}",
        ]
        for name, one in found["intake"].items()
    ]
    return table(["input", "an edge to a server, a second", "raw limit", "ratio", "aim"], lines)


def intake_peers() -> str:
    """Return items a second beside what other tools take in."""
    found: Any = read("load")
    if not found or "peers" not in found:
        return missing("load")
    peers = found["peers"]
    lines = [
        [
            name,
            f"{one['twoloops_per_s']:,}",
            f"{one['mlflow_per_s']:,} ({one['times_mlflow']:,.0f} times)",
            f"{one['label_studio_per_s']:,} ({one['times_label_studio']:,.1f} times)",
        ]
        for name, one in peers.items()
        if isinstance(one, dict)
    ]
    head = [
        "input", "twoloops, a second", f"MLflow {peers['MLflow']} tracing",
        f"Label Studio {peers['Label Studio']} import",
    ]  # fmt: skip
    return table(head, lines)


def many() -> str:
    """Return how long heartbeats and looks for releases take."""
    found: Any = read("load")
    if not found:
        return missing("load")
    many = found["many"]
    rows = {
        "a heartbeat each 10 s": many["alone"]["heartbeat"],
        "a look for releases each 60 s": many["alone"]["look"],
        "a heartbeat, beside an intake at full speed": many["beside an intake"]["heartbeat"],
        "a look, beside an intake at full speed": many["beside an intake"]["look"],
        "all heartbeats at the same moment": many["all at the same moment"],
    }
    lines = [
        [name, f"{one['median_ms']:g}", f"{one['p99_ms']:g}", f"{one['max_ms']:g}"]
        for name, one in rows.items()
    ]
    return table([f"{many['edges']} edges", "median, ms", "p99, ms", "most, ms"], lines)


def memory() -> str:
    """Return resident memory by base, and of the server."""
    found: Any = read("load")
    if not found:
        return missing("load")
    lines = [[f"edge, {name}", f"{value:.0f}"] for name, value in found["memory_mb"].items()]
    server = found["many"]["server_mb"]
    lines.append(["server, started", f"{server['idle']}"])
    lines.append(
        [f"server, after {found['many']['edges']} edges and an intake", str(server["after"])]
    )
    return table(["resident memory, idle", "MB"], lines)


def floor() -> str:
    """Say the floor's figures in a line."""
    load: Any = read("load")
    if not load:
        return f"{chaos()}; intake {missing('load')}"
    ratios = ", ".join(f"{one['ratio']:.2f} at {name}" for name, one in load["intake"].items())
    beat = load["many"]["alone"]["heartbeat"]
    built_in = [mb for name, mb in load["memory_mb"].items() if _built_in(name)]
    return (
        f"{chaos()}; intake over HTTP against bare SQLite appends: {ratios}; heartbeat of "
        f"{load['many']['edges']} edges {beat['p99_ms']:g} ms at p99; an idle edge "
        f"{min(built_in):.0f} to {max(built_in):.0f} MB with built-in bases"
    )


def _built_in(name: str) -> bool:
    return all(part.startswith("builtin/") for part in name.partition(": ")[2].split("+"))


BLOCKS: dict[str, Callable[..., str]] = {
    "floor": floor,
    "floor_chaos": chaos,
    "floor_intake": intake,
    "floor_intake_peers": intake_peers,
    "floor_many": many,
    "floor_memory": memory,
}
