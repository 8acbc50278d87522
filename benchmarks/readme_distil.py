"""The block of docs/distil.md: what benchmarks/distil.py measured, a line a stream and budget."""

import statistics
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from readme_tables import missing, read, table

# Student's t at 97.5 % for 1, 2, 3, … degrees of freedom.
STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
Rows = Sequence[dict[str, Any]]


def gain(rows: Rows, of: str, over: str) -> str:
    """Print a mean difference in points with its 95 % interval over seeds."""
    points = [100 * (row[of] - row[over]) for row in rows]
    mean = statistics.mean(points)
    if len(points) < 2:
        return f"{mean:+.1f}"
    half = STUDENT[len(points) - 2] * statistics.stdev(points) / len(points) ** 0.5
    return f"{mean:+.1f} ({mean - half:+.1f} … {mean + half:+.1f})"


def share(rows: Rows, of: str) -> str:
    """Print a mean accuracy as `.905`."""
    return f"{statistics.mean(row[of] for row in rows):.3f}".removeprefix("0")


def line(name: tuple[str, str, str, int], rows: Rows) -> list[str]:
    """Return one row of the table."""
    stream, student, teacher, budget = name
    weights = sorted(row["weight"] for row in rows)
    return [
        f"{stream}: {student} ← {teacher}",
        f"{budget}, {len(rows)}",
        *(share(rows, of) for of in ("majority", "plain", "student", "teacher")),
        gain(rows, "student", "plain"),
        gain(rows, "self_taught", "plain"),
        gain(rows, "honest", "student"),
        ", ".join(f"{w:g} × {len(list(some))}" for w, some in groupby(weights)),
    ]


def distillations() -> str:
    """Return what a teacher's word on unlabelled observations added to plain training."""
    rows = read("distil")
    if not rows:
        return missing("distil")
    head = [
        "student ← teacher", "labels, seeds", "majority", "plain", "student", "teacher",
        "student − plain, points", "taught by itself − plain", "honest − unseen", "weights chosen",
    ]  # fmt: skip
    keys = ("stream", "student_base", "teacher_base", "budget")
    rows = sorted(rows, key=lambda row: tuple(row[key] for key in keys))
    parts = groupby(rows, key=lambda row: tuple(row[key] for key in keys))
    return table(head, [line(name, list(some)) for name, some in parts])


def summary(budget: int = 200) -> str:
    """Say in a cell what the default teacher added at one budget, a stream after the other."""
    rows = [row for row in read("distil") or () if row["budget"] == budget]
    told = []
    for stream in dict.fromkeys(row["stream"] for row in rows):
        some = [row for row in rows if row["stream"] == stream]
        # The default pair: the first base, taught by all that is on offer side by side.
        pair = [r for r in some if r["teacher_base"].startswith(r["student_base"] + "+")]
        told.append(f"{stream} {gain(pair, 'student', 'plain')}")
    if not told:
        return missing("distil")
    return f"student − its own training at {budget} labels, points: {', '.join(told)}"


def distil_gate() -> str:
    """Return what the gate said of students on whole streams."""
    rows = read("distil_gate")
    if not rows:
        return missing("distil_gate")
    head = [
        "stream, student", "trained on, judged by, unlabelled", "deployed, rest of the stream",
        "student", "gain there, points", "gate",
    ]  # fmt: skip
    lines = [
        [
            f"{row['stream']}: {row['student']} ← {row['teacher']}",
            f"{row['trained_on']}, {row['judged_by']}, {row['unlabelled']:,}",
            f"{row['deployed']:.3f}".removeprefix("0"),
            f"{row['accuracy']:.3f}".removeprefix("0"),
            f"{100 * row['gain']:+.1f} ({100 * row['interval'][0]:+.1f} … "
            f"{100 * row['interval'][1]:+.1f})",
            f"{row['outcome']}: {row['reason']}",
        ]
        for row in rows
    ]
    return table(head, lines)


BLOCKS: dict[str, Callable[..., str]] = {
    function.__name__: function for function in (distillations, distil_gate)
}
