"""Fill the marked blocks of the documents from benchmarks/results, so that no figure is typed.

    python benchmarks/readme.py [--check]

A block begins with `<!-- generated: NAME -->` and ends with `<!-- end -->`; NAME is a function
of this file, or of a `readme_*.py` of its subject beside it. With --check nothing is
written, and the exit code is 1 where a block is not what the results say. A figure whose benchmark
has not run says which command measures it.
"""

import argparse
import math
import re
import statistics
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import readme_distil
import readme_drift
import readme_fleet
import readme_floor
import readme_gate
import readme_labelling
import readme_people
import readme_rollout
import readme_server
import readme_worth
from readme_tables import missing, read, table

from twoloops.analysis.words import count, percent, signed

ROOT = Path(__file__).parent.parent
DOCUMENTS = (
    "README.md",
    "docs/two-loops.md",
    "docs/interaction.md",
    "docs/rebase.md",
    "docs/distil.md",
    "docs/exchange.md",
    "docs/own-loops.md",
    "docs/overview.md",
    "docs/gate-statistics.md",
    "docs/label-page.md",
    "docs/label-quality.md",
    "docs/server.md",
    "docs/walk.md",
    "docs/floor-walk.md",
    "docs/worth.md",
    "docs/drift.md",
    "docs/floor.md",
    "docs/rollouts.md",
)
BLOCK = re.compile(r"(<!-- generated: ([^>]*?) -->\n).*?( *)<!-- end -->", re.DOTALL)
ARMS = {
    "neither": "neither loop: the first model is kept",
    "models": "models loop only: newer bases, no new labels",
    "data": "data loop only: new labels, the first base",
    "both": "both loops",
    "everything": "every observation labelled",
}
FOUR = ("neither", "models", "data", "both")
GATES = {"gate": "gate in force", "no_gate": "without gate"}
# Student's t at 97.5 % for 1, 2, 3, … degrees of freedom.
STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14)

Rows = Sequence[dict[str, Any]]


def short(value: float) -> str:
    """Print a share as `.905`."""
    return f"{value:.3f}".removeprefix("0")


def half_width(values: Sequence[float]) -> float:
    """Half the 95 % interval of a mean; infinite for one value."""
    if len(values) < 2:
        return math.inf
    t = STUDENT[len(values) - 2] if len(values) - 2 < len(STUDENT) else 2.0
    return t * statistics.stdev(values) / math.sqrt(len(values))


def change(values: Sequence[float], digits: int = 1) -> str:
    """Print the mean of differences, with half its 95 % interval where there are several."""
    mean, around = signed(statistics.fmean(values), digits), half_width(values)
    return mean if math.isinf(around) else f"{mean} ± {around:.{digits}f}"


def between(one: dict[str, float]) -> str:
    """Print a difference in points with the ends of its interval."""
    return f"{signed(one['mean'])} ({signed(one['low'])} to {signed(one['high'])})"


def excavators() -> Rows:
    """Return the replays of the work orders in order of time, one a seed."""
    rows = read("loops") or []
    return [r for r in rows if r["stream"] == "excavators" and r["order"] == "time"]


def seeds(rows: Rows) -> str:
    """Say over how many seeds a mean is."""
    return f"mean of {len(rows)} seeds" if len(rows) > 1 else "one seed"


def mean(rows: Rows, gate: str, arm: str) -> str:
    """Print an arm's mean accuracy."""
    return short(statistics.fmean(row[gate][arm] for row in rows))


def gain(rows: Rows, gate: str, *arms: str) -> str:
    """Print how many points the first of two arms is above the second, or the interaction."""
    if arms == ("interaction",):
        return change([100 * row[gate]["interaction"] for row in rows])
    more, less = arms
    return change([100 * (row[gate][more] - row[gate][less]) for row in rows])


def odds(rows: Rows, gate: str) -> str:
    """Print the interaction in log-odds."""
    return change([row[gate]["interaction_log_odds"] for row in rows], 2)


def thesis() -> str:
    """Return the four arms in two lines, with the gate in force and without."""
    rows = excavators()
    if not rows:
        return missing("loops")
    bought = max(row["labels"] for row in rows)
    lines = [f"NIST work orders, {bought} labels, {seeds(rows)}, mean accuracy over the turns:"]
    for gate, words in GATES.items():
        arms = ", ".join(f"{name} {mean(rows, gate, name)}" for name in FOUR)
        lines.append(f"{words}: {arms}; interaction {gain(rows, gate, 'interaction')} points")
    return "\n".join(["```text", *lines, "```"])


def four_arms() -> str:
    """Return the arms and baselines of the work orders, with and without gate."""
    rows = excavators()
    if not rows:
        return missing("loops")
    head = [f"mean accuracy over the turns, {seeds(rows)}", *GATES.values()]
    lines = [[words, *(mean(rows, gate, name) for gate in GATES)] for name, words in ARMS.items()]
    lines.append(["interaction, points", *(gain(rows, gate, "interaction") for gate in GATES)])
    lines.append(["interaction, log-odds", *(odds(rows, gate) for gate in GATES)])
    rules = {"keyword_rules": "keyword rules by hand, no learning", "majority": "majority class"}
    for name, words in rules.items():
        if found := [row[name] for row in rows if row[name] is not None]:
            lines.append([words, short(statistics.fmean(found)), ""])
    last = {
        name: percent(statistics.fmean(row["last_turn"][name] for row in rows))
        for name in ("detection", "false_rejects", "neither_detection", "neither_false_rejects")
    }
    return (
        f"{table(head, lines)}\n\nFaults recognised in the last turn: {last['detection']} at "
        f"{last['false_rejects']} false rejects; the first model kept finds "
        f"{last['neither_detection']} at {last['neither_false_rejects']}."
    )


def loops() -> str:
    """Return the table of every stream and order."""
    rows = read("loops")
    if not rows:
        return missing("loops")
    head = [
        "stream, order, seeds", "gate", "majority class", *FOUR, "all labelled", "interaction",
        "log-odds",
    ]  # fmt: skip
    lines = []
    for (stream, order), mine in cells(rows).items():
        for gate, words in (("gate", "yes"), ("no_gate", "no")):
            arms = [mean(mine, gate, name) for name in ARMS]
            figures = [gain(mine, gate, "interaction"), odds(mine, gate)]
            majority = short(statistics.fmean(row["majority"] for row in mine))
            lines.append([f"{stream}, {order}, {len(mine)}", words, majority, *arms, *figures])
    return table(head, lines)


def cells(rows: Rows) -> dict[tuple[str, str], Rows]:
    """Return the rows of each stream and order."""
    names = dict.fromkeys((row["stream"], row["order"]) for row in rows)
    return {one: [row for row in rows if (row["stream"], row["order"]) == one] for one in names}


def signs() -> str:
    """Say how many streams and orders have an interaction above, below, or not told from zero."""
    rows = read("loops")
    if not rows:
        return missing("loops")
    lines = []
    scales = {"points": "interaction", "log-odds": "interaction_log_odds"}
    for gate, words in GATES.items():
        for scale, name in scales.items():
            found = [_sign([row[gate][name] for row in mine]) for mine in cells(rows).values()]
            shown = [str(found.count(sign)) for sign in (1, 0, -1)]
            lines.append([f"{words}, {scale}", *shown])
    head = ["streams and orders, 95 % interval", "above zero", "not told apart", "below zero"]
    return table(head, lines)


def _sign(values: Sequence[float]) -> int:
    middle = statistics.fmean(values)
    return 0 if abs(middle) <= half_width(values) else int(math.copysign(1, middle))


def reasons() -> str:
    """Return what each candidate reason for a sign looks like on every stream, in points."""
    rows = read("loops")
    if not rows:
        return missing("loops")
    head = [
        "stream, order", "headroom left by data", "better base on seed labels",
        "better base on all labels", "base kept back by the gate",
    ]  # fmt: skip
    lines = [
        [
            f"{stream}, {order}",
            gain(mine, "no_gate", "everything", "data"),
            gain(mine, "no_gate", "models", "neither"),
            gain(mine, "no_gate", "both", "data"),
            change([100 * (row["no_gate"]["both"] - row["gate"]["both"]) for row in mine]),
        ]
        for (stream, order), mine in cells(rows).items()
    ]
    return table(head, lines)


def gate() -> str:
    """Say what the gate can and cannot show."""
    found = read("gate")
    if not found:
        return missing("gate")
    equal = found["(a) false releases on plain streams"]["equal, discordance 5%"]
    better = found["(b) power"]["better"]["2 points better, discordance 5%"]
    looked = equal["gate `better`, looked at every label of 500"]["rate"]
    peeked = equal["z test, looked at every 100 of 2,000 labels"]["rate"]
    once = better["at 490 labels"]
    return (
        f"an equal model is released as *better* in {percent(looked)} of streams, looked at after "
        f"every label (a fixed test looked at every 100 labels: {percent(peeked)}); a model two "
        f"points better needs {count(better['median labels'])} labels in the median, and 490 "
        f"labels find it in {percent(once['gate']['rate'], 0)}"
    )


def edge() -> str:
    """Say what the edge costs beside a bare onnxruntime call."""
    found = read("edge")
    if not found:
        return missing("edge")
    return (
        f"verdict time {found['ratio_p50']:.2f} times a bare onnxruntime call at p50, "
        f"{found['ratio_p99']:.2f} at p99; durable after {found['durable_ms_p99']:.0f} ms at p99"
    )


def footprint() -> str:
    """Say what a bare install weighs."""
    found = read("footprint")
    if not found:
        return missing("footprint")
    took = found["seconds_above_python"]
    took_edge = took["twoloops.edge.runtime"]
    words = f"{found['total_mb']:.0f} MB installed, `twoloops.edge` imports in {took_edge:.2f} s"
    shown = took["twoloops --help"]
    return words if shown is None else f"{words}, `twoloops --help` takes {shown:.2f} s"


def selection() -> str:
    """Return what the choice of labels gains over random, stream by stream."""
    found = read("selection")
    if not found:
        return missing("selection")
    head = ["area under accuracy by labels, points", "against random", "against best in hindsight"]
    lines = [
        [
            f"{one['stream']}, {one['order']}",
            between(one["against_random"]),
            f"{between(one['against_best_in_hindsight'])}, "
            f"{one['against_best_in_hindsight']['name']}",
        ]
        for one in found["verdicts"]["turn"]["cells"]
    ]
    every = found["verdicts"]["turn"]["all"]
    whole = [between(every[key]) for key in ("against_random", "against_best_in_hindsight")]
    return table(head, [*lines, ["all", *whole]]) + f"\n\n{found['seeds']} seeds a row."


def naive_loop() -> str:
    """Say how the naive loop compares."""
    found = read("naive_loop")
    if not found:
        return missing("naive_loop")
    one = found["tables"][0]
    names = ("naive", "accumulation", "random", "turn", "everything labelled")
    shown = ", ".join(f"{name} {short(one['accuracy'][name]['mean'])}" for name in names)
    return f"{shown} ({found['seeds']} seeds, {one['labels']:.0f} labels)"


def new_fault() -> str:
    """Say how fast a fault that is new in the stream is recognised."""
    found = read("new_fault")
    if not found:
        return missing("new_fault")
    by = {(one["stream"], one["strategy"]): one for one in found["summary"]}
    told = [
        f"{stream} {by[stream, 'spread']['median_labels']:g} "
        f"(random {by[stream, 'random']['median_labels']:g})"
        for stream in dict.fromkeys(one["stream"] for one in found["summary"])
    ]
    return (
        "labels until 80 % of it are recognised, median of "
        f"{found['summary'][0]['n']} seeds: {', '.join(told)}"
    )


def rebases() -> str:
    """Return what became of other bases on the frozen data of each stream."""
    rows = read("rebase")
    if not rows:
        return missing("rebase")
    head = [
        "stream, base tried", "trained on, judged by", "deployed, rest of the stream", "candidate",
        "gain there, points", "gate",
    ]  # fmt: skip
    lines = [
        [
            f"{row['stream']}: {row['before']} → {row['base']}",
            f"{row['trained_on']}, {row['judged_by']}",
            short(row["deployed"]),
            short(row["candidate"]),
            f"{100 * row['gain']:+.1f} ({100 * row['interval'][0]:+.1f} … "
            f"{100 * row['interval'][1]:+.1f})",
            f"{row['outcome']}: {row['reason']}",
        ]
        for row in rows
        if "candidate" in row
    ]
    return table(head, lines)


def rebased() -> str:
    """Return what became of other bases, in short."""
    rows = read("rebase")
    if not rows:
        return missing("rebase")
    lines = [
        [
            f"{row['stream']}: {row['before']} → {row['base']}",
            f"{100 * row['gain']:+.1f} ({100 * row['interval'][0]:+.1f} … "
            f"{100 * row['interval'][1]:+.1f})",
            row["outcome"],
        ]
        for row in rows
        if "candidate" in row
    ]
    return table(["stream, base tried", "gain on the rest, points", "gate"], lines)


def lineage() -> str:
    """Say how long questions about lineage take."""
    found = read("lineage")
    if not found:
        return missing("lineage")
    up, down = (found[key]["median_ms"] for key in ("ancestors", "descendants_of_a_base"))
    return (
        f"with {found['models']:,} models and {found['edges']:,} lineage edges on SQLite, all "
        f"ancestors of a model in {up:.1f} ms, all descendants of a base in {down:.1f} ms (medians)"
    )


def overview() -> str:
    """Say how long the overview page takes."""
    found = read("overview")
    if not found:
        return missing("overview")

    def took(name: str) -> str:
        return f"{found[name]['wall']:.0f} ms ({found[name]['cpu']:.0f} ms of processor time)"

    return (
        f"{found['observations']:,} observations, {found['turns']} turns, {found['facts']:,} "
        f"facts: the page again {took('again_ms')}, after something was decided "
        f"{took('anew_ms')}, the counts {took('counts_ms')}, why a release "
        f"{took('why_ms')}; medians on {found['cores']} cores at a load of {found['load']:.0f}"
    )


def claims() -> str:
    """Say how the article's claims come out."""
    from twoloops.analysis.claims import judge
    from twoloops.analysis.claims.judging import counts

    found = counts(judge())
    says = {verdict: sum_of["article"] for verdict, sum_of in found["source"].items()}
    total = sum(says.values())
    return (
        f"of {total} claims sources confirm {says['confirms']} and contradict "
        f"{says['contradicts']}; {says['differs_by_definition']} differ by definition, for "
        f"{says['not_found']} no source was found"
    )


def article() -> str:
    """Return the README's table from the article to the command."""
    rows = excavators()
    unknown = missing("loops")

    def measured(words: str, *arms: str) -> str:
        both = (f"{gain(rows, gate, *arms)} {name}" for gate, name in GATES.items())
        return f"{words}: {'; '.join(both)}" if rows else unknown

    bought = f"; {max(row['labels'] for row in rows)} labels" if rows else ""
    lines = [
        [
            "digital loop: open models are adopted, adapted, replaced",
            "`twoloops replay SOURCE` (arm *models*), `twoloops turn`",
            measured("models − neither, points", "models", "neither"),
        ],
        [
            "physical loop: deployment yields data, data yields a better model",
            "`twoloops ingest`, `twoloops label`, `twoloops turn`",
            measured("data − neither, points", "data", "neither") + bought,
        ],
        [
            "convergence: the two meet in small specialised models",
            "`twoloops replay SOURCE` (arm *both*), `twoloops turn`",
            measured("interaction, points", "interaction"),
        ],
        [
            "small models on edge hardware",
            "`twoloops export`, `twoloops decide --model DIR`",
            edge(),
        ],
        [
            "distillation: a small model learns from a large one's outputs, under its terms",
            "`twoloops distil`; a hosted model's labels: `twoloops teacher ask`",
            readme_distil.summary(),
        ],
        [
            "data as an asset: what it cost, where it went, removing it",
            "`twoloops status`, `twoloops forget`; valuation not yet",
            "every label with its cost, every dataset by digest; value: not yet",
        ],
        [
            "the article's claims and exhibits, with what other sources say",
            "`twoloops claims`, `twoloops exhibits`",
            claims(),
        ],
        [
            "controls: one's own dependence on controlled things",
            "`twoloops controls`, `twoloops controls --hold LAYER`",
            "a layer held: [docs/controls-experiment.md](docs/controls-experiment.md)",
        ],
    ]
    return table(["in the article", "command", "measured"], lines).replace("---:", "---")


def example(name: str, lines: str = "") -> str:
    """Return a command of the example with its output, or with lines FIRST-LAST of it."""
    return printed("example", name, lines)


def walk(name: str, lines: str = "") -> str:
    """Return a command of the walk with its output, or with lines FIRST-LAST of it."""
    return printed("walk", name, lines)


def floor_walk(name: str, lines: str = "") -> str:
    """Return a command of the walk on the floor with its output, or with lines of it."""
    return printed("floor_walk", name, lines)


def printed(script: str, name: str, lines: str) -> str:
    """Return what a command of a script printed, or lines FIRST-LAST of it."""
    found = read(script)
    if not found:
        return missing(script)
    step = found[name.replace("_", " ")]
    output = step["output"].splitlines()
    if lines:
        first, last = (int(number) for number in lines.split("-"))
        kept = output[first - 1 : last]
        output = ["…"] * (first > 1) + kept + ["…"] * (last < len(output))
    return "```console\n" + "\n".join([f"$ {step['command']}", *output]) + "\n```"


BLOCKS: dict[str, Callable[..., str]] = {
    function.__name__: function
    for function in (
        thesis, four_arms, loops, signs, reasons, gate, edge, footprint, selection, naive_loop,
        new_fault, lineage, overview, rebased, rebases, claims, article, example, walk,
        floor_walk,
    )
}  # fmt: skip
for beside in (
    readme_gate,
    readme_distil,
    readme_drift,
    readme_floor,
    readme_fleet,
    readme_labelling,
    readme_people,
    readme_rollout,
    readme_server,
    readme_worth,
):
    BLOCKS |= beside.BLOCKS


def fill(text: str) -> str:
    """Return a document with every block filled.

    Raises:
        SystemExit: A block asks for what this file does not make.
    """

    def one(match: re.Match[str]) -> str:
        name, *words = match[2].split()
        if name not in BLOCKS:
            sys.exit(f"no block is called {name!r}: there are {', '.join(BLOCKS)}")
        made = textwrap.indent(BLOCKS[name](*words), match[3])  # as deep as the list it is in
        return f"{match[1]}{made}\n{match[3]}<!-- end -->"

    return BLOCK.sub(one, text)


def main() -> None:
    """Fill the documents, or say which are stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where stale")
    options = parser.parse_args()
    stale = []
    for name in DOCUMENTS:
        path = ROOT / name
        old = path.read_text(encoding="utf-8")
        new = fill(old)
        if new != old:
            stale.append(name)
            if not options.check:
                path.write_text(new, encoding="utf-8")
    if options.check and stale:
        sys.exit(f"stale figures in {', '.join(stale)}: run  python benchmarks/readme.py")
    print(f"filled: {', '.join(stale) or 'nothing was stale'}")


if __name__ == "__main__":
    main()
