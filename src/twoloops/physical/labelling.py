"""Ask for labels, take in answers: by call, or by a CSV file that a person fills in."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from twoloops.records.digests import digest_record, short
from twoloops.records.errors import UserError
from twoloops.records.label import Label, Question
from twoloops.records.money import Money
from twoloops.records.observation import Observation, Place
from twoloops.records.task import Kind, Task
from twoloops.store.labels import conflict
from twoloops.store.workspace import Store

_LABELLER = re.compile(r"history|(person|teacher|outcome):\S.*")
_COLUMNS = ("observation", "label", "labeller", "input")
_MAGIC = ((b"\xff\xd8", ".jpg"), (b"\x89PNG", ".png"), (b"BM", ".bmp"), (b"II*\0", ".tif"))


class Answered(NamedTuple):
    """What became of answers.

    Args:
        new: Labels that were not there yet.
        repeated: Labels that were.
        added: Labels the task did not have and has now.
        cost: What the new ones cost, or `None` where there were none.
        blank: Lines of an imported file without an answer.
    """

    new: int
    repeated: int
    added: tuple[str, ...]
    cost: Money | None
    blank: int = 0


class Answer(msgspec.Struct, frozen=True):
    """One line of an imported file."""

    line: int
    place: Place
    label: str
    labeller: str


def ask(store: Store, task: str, questions: Sequence[Question]) -> None:
    """Put questions; putting one twice is putting it once.

    Raises:
        UserError: If an observation is unknown or of another task.
    """
    with store.transaction():
        known = store.observations.find(one.observation for one in questions)
        problems = [
            problem
            for one in questions
            if (problem := _stranger(one.observation, task, known)) is not None
        ]
        _complain("these questions cannot be asked", problems)
        store.questions.add_many(task, questions)


def open_questions(store: Store, task: str, turn: int | None = None) -> list[Question]:
    """Return the questions (of a turn) without an answer, the best first.

    What was forgotten after it was asked about cannot be answered, and is left out.
    """
    asked = store.questions.open(store.tasks.get(task).name, turn)
    seen = store.observations.find(one.observation for one in asked)
    gone = store.inputs.forgotten({one.input for one in seen.values()})
    return [one for one in asked if seen[one.observation].input not in gone]


def answer(
    store: Store, task: str, labels: Sequence[Label], *, at: datetime, new_labels: bool = False
) -> Answered:
    """Take in labels; the same answer again changes and costs nothing.

    What the new ones cost is one fact in the journal for each turn that asked (-1 where none
    did).

    Args:
        store: Where they go.
        task: The task's name.
        labels: Any number, of any labellers.
        at: Now, for the journal.
        new_labels: Whether a label the task does not have is added to it, or refused.

    Raises:
        UserError: With every problem: an unknown observation, a label the task does not have,
            a labeller who contradicts an earlier answer. Nothing is taken in then.
    """
    with store.transaction():
        kind = store.tasks.get(task)
        known = store.observations.find(one.observation for one in labels)
        earlier = _earlier(store, labels)
        problems = [
            problem
            for one in labels
            if (problem := _problem(one, kind, known, earlier, new_labels)) is not None
        ]
        _complain("these labels cannot be taken in", problems)
        return _take_in(store, kind, labels, at)


def import_labels(
    store: Store,
    task: str,
    path: Path,
    *,
    at: datetime,
    labeller: str = "person:import",
    new_labels: bool = False,
) -> Answered:
    """Take in a CSV file with the columns `observation,label[,labeller]`; others are ignored.

    Lines with an empty label are questions left open. A semicolon may separate, as some
    spreadsheets write it.

    Args:
        store: Where the labels go.
        task: The task's name; each new label costs what the task says.
        path: The file, in UTF-8.
        at: Now.
        labeller: Whose answers they are where the file does not say.
        new_labels: Whether a label the task does not have is added to it, or refused.

    Raises:
        UserError: With every problem and its line. Nothing is taken in then.
    """
    kind = store.tasks.get(task)
    answers, blank, problems = _read(path, labeller)
    labels = [Label(one.place, one.label, one.labeller, at, kind.costs.label) for one in answers]
    with store.transaction():
        known = store.observations.find(one.observation for one in labels)
        earlier = _earlier(store, labels)
        for one, label in zip(answers, labels, strict=True):
            problem = _problem(label, kind, known, earlier, new_labels)
            if problem is not None:
                problems.append((one.line, problem))
        _complain(
            f"{path} was not imported",
            [f"line {line}: {problem}" for line, problem in sorted(problems)],
        )
        return _take_in(store, kind, labels, at)._replace(blank=blank)


def export_questions(store: Store, task: str, path: Path, turn: int | None = None) -> int:
    """Write the open questions as a CSV file to fill in; returns their number.

    The column `input` holds a text itself; other inputs are written beside the file, into a
    folder of its name, and the column names them. What the model decided and why the question
    is asked is left out: it would sway the answer.
    """
    kind = store.tasks.get(task).kind
    asked = open_questions(store, task, turn)
    known = store.observations.find(one.observation for one in asked)
    digests = [known[one.observation].input for one in asked]
    data = store.inputs.get_many(digests)
    folder = path.with_suffix("")
    # The byte-order mark makes spreadsheets read UTF-8.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for one, digest in zip(asked, digests, strict=True):
            shown = _show(kind, digest, data[digest], folder)
            writer.writerow((str(one.observation), "", "", shown))
    return len(asked)


def parse_place(text: str) -> Place:
    """Return the place a text names; the law is `parse_place(str(place)) == place`.

    >>> parse_place("press 4/3f/17")
    Place(edge='press 4', epoch='3f', counter=17)

    Raises:
        ValueError: If it names none.
    """
    edge, epoch, counter = text.rsplit("/", 2)
    if not edge or not epoch or not re.fullmatch(r"[0-9]+", counter):
        raise ValueError(text)
    return Place(edge, epoch, int(counter))


def _take_in(store: Store, task: Task, labels: Sequence[Label], at: datetime) -> Answered:
    added = tuple(sorted({one.label for one in labels} - set(task.labels)))
    if added:
        grown = tuple(sorted((*task.labels, *added)))
        store.tasks.put(msgspec.structs.replace(task, labels=grown))
        store.journal.append(
            "labels added",
            task=task.name,
            turn=-1,
            key=f"labels added/{task.name}/{digest_record(grown)}",
            at=at,
            body={"added": ", ".join(added), "labels": ", ".join(grown)},
        )
    new = store.labels.add_many(task.name, labels)
    cost = _pay(store, task, new, at)
    return Answered(len(new), len(labels) - len(new), added, cost)


def _pay(store: Store, task: Task, new: Sequence[Label], at: datetime) -> Money | None:
    """Note what labels cost, a fact for each turn that asked; returns the sum."""
    turns = store.questions.turns_of(one.observation for one in new)
    by_turn: dict[int, list[Label]] = {}
    for one in new:
        by_turn.setdefault(turns.get(one.observation, -1), []).append(one)
    total: Money | None = None
    for turn, paid in sorted(by_turn.items()):
        cost = _sum(one.cost for one in paid)
        content = digest_record(sorted((one.observation, one.labeller, one.label) for one in paid))
        store.journal.append(
            "labels paid",
            task=task.name,
            turn=turn,
            key=f"labels paid/{task.name}/{turn}/{content}",
            at=at,
            body={
                "labels": str(len(paid)),
                "labellers": ", ".join(sorted({one.labeller for one in paid})),
                "content": content,
            },
            cost=cost,
        )
        total = cost if total is None else total + cost
    return total


def _sum(costs: Iterable[Money]) -> Money:
    first, *rest = costs
    for cost in rest:
        first = first + cost
    return first


def _earlier(store: Store, labels: Sequence[Label]) -> dict[tuple[Place, str], Label]:
    found = store.labels.find(one.observation for one in labels)
    return {(old.observation, old.labeller): old for olds in found.values() for old in olds}


def _problem(
    one: Label,
    task: Task,
    known: dict[Place, Observation],
    earlier: dict[tuple[Place, str], Label],
    new_labels: bool,
) -> str | None:
    """Say why a label cannot be taken in, or note it in `earlier` and return `None`."""
    problem = _stranger(one.observation, task.name, known)
    if problem is not None:
        return problem
    if not one.label.strip():
        return f"{one.observation}: the label is empty"
    if one.label not in task.labels and not new_labels:
        return (
            f"{one.observation}: {one.label!r} is no label of task {task.name!r}: choose one of "
            f"{list(task.labels)}, or allow new labels"
        )
    if not _LABELLER.fullmatch(one.labeller):
        return (
            f"{one.observation}: labeller {one.labeller!r} is not  history, person:NAME, "
            "teacher:NAME or outcome:SOURCE"
        )
    old = earlier.setdefault((one.observation, one.labeller), one)
    return conflict(old, one.label) if old.label != one.label else None


def _stranger(place: Place, task: str, known: dict[Place, Observation]) -> str | None:
    observation = known.get(place)
    if observation is None:
        return f"{place}: no such observation in this workspace"
    if observation.task != task:
        return f"{place}: the observation belongs to task {observation.task!r}, not {task!r}"
    return None


def _complain(what: str, problems: Sequence[str]) -> None:
    if len(problems) == 1:
        raise UserError(f"{what}: {problems[0]}")
    if problems:
        raise UserError("\n  ".join([f"{what}, {len(problems)} problems:", *problems]))


def _read(path: Path, labeller: str) -> tuple[list[Answer], int, list[tuple[int, str]]]:
    """Return a file's answers, the number of lines left blank, and problems by line."""
    answers: list[Answer] = []
    problems: list[tuple[int, str]] = []
    blank = 0
    for line, row in _lines(path):
        label = row["label"].strip()
        if not label:
            blank += 1
            continue
        try:
            place = parse_place(row["observation"].strip())
        except ValueError:
            problems.append(
                (line, f"{row['observation']!r} is no observation: write EDGE/EPOCH/COUNTER")
            )
            continue
        who = row.get("labeller", "").strip() or labeller
        answers.append(Answer(line, place, label, who))
    return answers, blank, problems


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each record of a CSV file with the number of its first line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; check the path") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not UTF-8 (byte {error.start}): save it as CSV in UTF-8"
        ) from error
    header, _, _ = text.partition("\n")
    separator = ";" if header.count(";") > header.count(",") else ","
    rows = csv.reader(text.splitlines(keepends=True), delimiter=separator)
    try:
        names = [name.strip().lower() for name in next(rows, [])]
        if not {"observation", "label"} <= set(names):
            raise UserError(
                f"{path} needs the columns observation,label[,labeller]: got {names}; "
                "twoloops label export  writes such a file"
            )
        before = rows.line_num
        for row in rows:
            if any(row):
                yield before + 1, dict(zip(names, [*row, *[""] * len(names)], strict=False))
            before = rows.line_num
    except csv.Error as error:
        raise UserError(f"{path}, line {rows.line_num}: {error}; save it as CSV again") from error


def _show(kind: Kind, digest: str, data: bytes, folder: Path) -> str:
    if kind == "text":
        return data.decode("utf-8", errors="replace")
    suffix = ".npy" if kind == "signal" else ".image"
    for magic, known in _MAGIC if kind == "image" else ():
        if data.startswith(magic):
            suffix = known
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / (short(digest) + suffix)
    file.write_bytes(data)
    return f"{folder.name}/{file.name}"
