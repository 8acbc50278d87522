"""The README's example: writes a small made-up history, runs every command on it, keeps the output.

    python benchmarks/example.py

The history is drawn from sentences written here; it shows how the commands go together and
measures nothing. Everything runs in a temporary folder; what was printed goes to
benchmarks/results/example.json, from which `readme.py` fills the README.
"""

import csv
import json
import os
import random
import shlex
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

RESULT = Path(__file__).parent / "results" / "example.json"
ROWS, NEW = 600, 60
SENTENCES = {
    "ok": ("inspect {part}", "grease {part}", "check {part} level", "{part} looked over, fine"),
    "leak": ("{part} leaking", "oil under {part}", "seal of {part} wet", "{part} drips"),
    "worn": ("{part} worn", "replace {part}, thin", "{part} has play", "scoring on {part}"),
    "loose": ("{part} loose", "bolts of {part} missing", "tighten {part}", "{part} rattles"),
}
PARTS = (
    "pump", "gearbox", "main valve", "hose", "coupling", "bearing", "fan", "belt guard",
    "filter housing", "motor",
)  # fmt: skip
SHARES = (0.4, 0.25, 0.2, 0.15)
WHERE = ("", " line 2", " on shift", " again", " l/h side", " r/h", " at 40 bar", " after start")
HABITS = ("", "pls ", "job: ", "noted, ")
"""How orders begin; every quarter another habit takes over."""


def orders(count: int, first: date, seed: int) -> list[tuple[str, str, str]]:
    """Return (day, text, label) of made-up work orders, in order of time."""
    draw = random.Random(seed)
    out = []
    for i in range(count):
        label = draw.choices(list(SENTENCES), SHARES)[0]
        # Later sentences of each kind come into use as time goes on.
        known = 2 + (2 * i) // count
        sentence = draw.choice(SENTENCES[label][: known + 1])
        habit = HABITS[min((len(HABITS) * i) // count, draw.randrange(len(HABITS)))]
        text = habit + sentence.format(part=draw.choice(PARTS)) + draw.choice(WHERE)
        day = first + timedelta(days=(360 * i) // ROWS)
        out.append((day.isoformat(), text, label))
    return out


def write(path: Path, rows: list[tuple[str, str, str]], *, labels: bool) -> None:
    """Write orders as a CSV file, with or without what they turned out to be."""
    with path.open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("date", "text", "mode") if labels else ("date", "text"))
        out.writerows(row if labels else row[:2] for row in rows)


def fill_in(path: Path, known: dict[str, str]) -> None:
    """Fill in the label column of an exported file, as a person would."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        names, rows = list(reader.fieldnames or ()), list(reader)
    with path.open("w", newline="") as file:
        out = csv.DictWriter(file, names, lineterminator="\n")
        out.writeheader()
        for row in rows:
            out.writerow(row | {"label": known[row["input"]]})


class Example:
    """Runs commands in a folder, and keeps what they printed under a name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps: dict[str, dict[str, str]] = {}

    def run(self, name: str, arguments: str) -> str:
        """Run `twoloops ARGUMENTS`; returns what it printed on stdout.

        Raises:
            SystemExit: It failed.
        """
        print(f"$ twoloops {arguments}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "twoloops", *shlex.split(arguments)],
            cwd=self.folder,
            env=os.environ | {"COLUMNS": "80", "TERM": "dumb"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"twoloops {arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        lines = [line.rstrip() for line in done.stdout.splitlines()]
        self.steps[name] = {"command": f"twoloops {arguments}", "output": "\n".join(lines)}
        return done.stdout


def play(example: Example) -> None:
    """Go from a labelled past to a model that decides, and on to the next turn."""
    past = orders(ROWS, date(2024, 1, 1), seed=1)
    new = orders(NEW, date(2024, 12, 27), seed=2)
    known = {text: label for _, text, label in past + new}
    write(example.folder / "orders.csv", past, labels=True)
    write(example.folder / "new.csv", new, labels=False)
    said = "--text text --label mode --time date --normal ok"
    size = "--seed-size 60 --turns 5 --labels-per-turn 30"
    example.run("dry run", f"replay orders.csv {said} {size} --dry-run")
    example.run("replay", f"replay orders.csv {said} {size} --quiet")
    example.run("init", "init plant --from-replay twoloops-replay-orders")
    example.run("ingest", "ingest new.csv --text text --time date -w plant")
    example.run("turn", "turn -w plant")
    example.run("label export", "label export ask.csv -w plant")
    fill_in(example.folder / "ask.csv", known)
    example.run("label import", "label import ask.csv -w plant")
    closed = example.run("turn again", "turn -w plant")
    while "is closed" not in closed:  # a candidate may need labels where the two differ
        (example.folder / "ask.csv").unlink()
        example.run("confirm", "label export ask.csv -w plant")
        fill_in(example.folder / "ask.csv", known)
        example.run("confirm", "label import ask.csv -w plant")
        closed = example.run("turn again", "turn -w plant")
    example.run("decide", "decide 'oil under gearbox line 2' 'inspect hose' -w plant")
    example.run("status", "status -w plant")
    example.run("export", "export deployed edge -w plant")
    example.run("edge", "decide 'seal of pump wet' --model edge")
    with (example.folder / "ask.csv").open(newline="", encoding="utf-8-sig") as file:
        first = next(csv.DictReader(file))["observation"]
    example.run("forget", f"forget {first} -w plant")
    example.run("doctor", "doctor -w plant")
    look_back(example)
    example.run("init empty", "init press")
    labels = "ok,scratch,dent"
    example.run("task add", f"task add panels --kind image --labels {labels} --normal ok -w press")
    example.run("task show", "task show -w press")


def look_back(example: Example) -> None:
    """See what the loops have come to: exhibits of one's own, controls, a layer held."""
    replayed = "twoloops-replay-orders"
    example.run("exhibits", "exhibits --mine -w plant --out plant.html")
    example.run("exhibits replay", f"exhibits --mine --replay {replayed} --out replay.html")
    example.run("controls", "controls -w plant")
    example.run("hold", f"controls --hold floor-data --source {replayed} --quiet")


def main() -> None:
    """Run the example and keep its output."""
    with tempfile.TemporaryDirectory(prefix="twoloops-example-") as folder:
        example = Example(Path(folder))
        play(example)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(example.steps, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
