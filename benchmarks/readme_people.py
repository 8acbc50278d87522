"""The blocks about people in the loop: label_quality.py, label_noise.py and label_page.py."""

from collections.abc import Callable
from typing import Any

from readme_tables import missing, read, table


def share(one: dict[str, float]) -> str:
    """Print a mean share with its 95 % interval, as `.994 (.992 … .996)`."""
    ends = (min(max(one[key], 0.0), 1.0) for key in ("mean", "low", "high"))
    mean, low, high = (f"{end:.3f}".removeprefix("0") for end in ends)
    return f"{mean} ({low} … {high})"


def points(one: dict[str, float]) -> str:
    """Print a mean difference in points with its 95 % interval."""
    return "{:+.1f} ({:+.1f} … {:+.1f})".format(*(100 * one[k] for k in ("mean", "low", "high")))


def consensus(rows: list[dict[str, Any]]) -> str:
    """Return the share of items whose label comes out right, a line a set of labellers."""
    head = [
        f"labellers ({rows[0]['items']} items, {rows[0]['seeds']} seeds)",
        "one label", "majority", "Dawid–Skene", "Dawid–Skene − majority, points",
    ]  # fmt: skip
    lines = [
        [
            row["case"],
            *(f"{row[key]['mean']:.3f}" for key in ("single", "majority", "dawid_skene")),
            points(row["gain"]),
        ]
        for row in rows
    ]
    return table(head, lines)


def finding(rows: list[dict[str, Any]]) -> str:
    """Return precision and recall of what is suspected, a line an order."""
    head = [
        f"stream, planted ({rows[0]['items']} items, {rows[0]['seeds']} seeds)", "order",
        "looked at", "precision", "recall",
    ]  # fmt: skip
    lines = [
        [
            f"{row['stream']}, {row['rate']:.0%}",
            row["order"],
            f"{row['found']['mean']:.0f}",
            share(row["precision"]),
            share(row["recall"]),
        ]
        for row in rows
    ]
    return table(head, lines)


def noise(found: dict[str, Any]) -> str:
    """Return what the loop loses to wrong labels, a line a stream and arm."""
    head = ["stream, arm", "labels", "accuracy", "lost, points", "share of the untreated loss, %"]
    lines = []
    for one in found["summary"]:
        about = f"{one['stream']}, {'gate in force' if one['gate'] else 'without gate'}"
        for arm, row in one["arms"].items():
            part = row.get("share_of_loss")
            lines.append(
                [
                    f"{about}: {arm} ({one['seeds']} seeds)",
                    f"{row['labels']:.0f}",
                    f"{row['accuracy']:.3f}".removeprefix("0"),
                    "" if arm == "clean" else points(row["lost"]),
                    "" if part is None else percents(part),
                ]
            )
    return table(head, lines)


def percents(one: dict[str, float]) -> str:
    """Print a share in percent with its 95 % interval."""
    return "{:.0f} ({:.0f} … {:.0f})".format(*(100 * one[k] for k in ("mean", "low", "high")))


def label_quality(part: str) -> str:
    """Return one of the tables: consensus, finding or noise."""
    name = "label_noise" if part == "noise" else "label_quality"
    found = read(name)
    if not found:
        return missing(name)
    if part == "noise":
        return noise(found)
    return consensus(found[part]) if part == "consensus" else finding(found[part])


def label_page() -> str:
    """Return how long a labeller waits from a key to the next item."""
    found = read("label_page")
    if not found:
        return missing("label_page")
    small, large = found["megapixels"]
    kinds = {"text": "texts", "image": f"pictures of {small} and {large} megapixels, JPEG"}
    lines = [
        [
            kinds[row["kind"]]
            + (f", {row['added_ms']} ms added to every request" if row["added_ms"] else ""),
            str(row["keys"]),
            *(f"{row[name]:.0f}" for name in ("p50_ms", "p95_ms", "max_ms")),
            str(row["not_at_hand"]),
        ]
        for row in found["rows"]
    ]
    head = [
        "key to next item on screen",
        "keys",
        "p50, ms",
        "p95, ms",
        "longest, ms",
        "not at hand",
    ]
    return table(head, lines)


BLOCKS: dict[str, Callable[..., str]] = {
    function.__name__: function for function in (label_quality, label_page)
}
