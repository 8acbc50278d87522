"""The block of docs/exchange.md: labelling beside Label Studio, a line a figure."""

from collections.abc import Callable

from readme_tables import missing, read, table

FIGURES = {
    "first_start_s": "first start until it answers, s",
    "start_s": "later start until it answers, s",
    "import_s": "{items:,} texts in and asked about, s",
    "nexts_per_s": "nexts per second",
    "next_p95_ms": "next, 95th percentile, ms",
    "submits_per_s": "submits per second",
    "submit_p95_ms": "submit, 95th percentile, ms",
    "cpu_ms_per_item": "CPU time of the server for a next and a submit, ms",
    "rss_mb": "memory of the server, MB",
}


def labelling_peer() -> str:
    """Return both tools' figures with their ratio, and what the run was like."""
    found = read("labelling_peer")
    if not found:
        return missing("labelling_peer")
    peer = found["label_studio"]
    rows = [
        [
            words.format(items=found["items"]),
            f"{found['twoloops'][name]:,.3g}",
            f"{peer[name]:,.3g}",
            f"{found['ratios'][name]:.2f}",
        ]
        for name, words in FIGURES.items()
        if name in peer
    ]
    head = ["", "twoloops", f"Label Studio {peer['version']}", "times better"]
    busy = found.get("load_before")
    load = "not noted" if busy is None else f"{busy:g}"
    return (
        f"{table(head, rows)}\n\n"
        f"Over {found['cycles']} items; {found['machine']}; load from other work before the run, "
        f"which slows both: {load}. {found['unequal']}"
    )


BLOCKS: dict[str, Callable[..., str]] = {"labelling_peer": labelling_peer}
