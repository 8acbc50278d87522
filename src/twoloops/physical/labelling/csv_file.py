"""A CSV file that a person fills in: open questions out, answers in."""

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from twoloops.physical.labelling.answers import Answered, earlier_answers, problem_of, take_in
from twoloops.physical.labelling.quality.looks import open_looks
from twoloops.physical.labelling.questions import complain, open_questions
from twoloops.records.digests import short
from twoloops.records.errors import UserError
from twoloops.records.label import Label
from twoloops.records.observation import Place, parse_place
from twoloops.records.task import Kind
from twoloops.store.workspace import Store

_COLUMNS = ("observation", "label", "labeller", "input")
_MAGIC = ((b"\xff\xd8", ".jpg"), (b"\x89PNG", ".png"), (b"BM", ".bmp"), (b"II*\0", ".tif"))


class Answer(msgspec.Struct, frozen=True):
    """One line of an imported file."""

    line: int
    place: Place
    label: str
    labeller: str


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
        earlier = earlier_answers(store, labels)
        for one, label in zip(answers, labels, strict=True):
            problem = problem_of(label, kind, known, earlier, new_labels)
            if problem is not None:
                problems.append((one.line, problem))
        complain(
            f"{path} was not imported",
            [f"line {line}: {problem}" for line, problem in sorted(problems)],
        )
        return take_in(store, kind, labels, at)._replace(blank=blank)


def export_questions(store: Store, task: str, path: Path, turn: int | None = None) -> int:
    """Write the open questions as a CSV file to fill in; returns their number.

    The column `input` holds a text itself; other inputs are written beside the file, into a
    folder of its name, and the column names them. What the model decided and why the question
    is asked is left out: it would sway the answer; so are the labels of open second looks, which
    come after the questions.
    """
    kind = store.tasks.get(task).kind
    asked = [one.observation for one in open_questions(store, task, turn)]
    asked += [one.observation for one in open_looks(store, task, turn)]
    asked = list(dict.fromkeys(asked))
    known = store.observations.find(asked)
    digests = [known[place].input for place in asked]
    data = store.inputs.get_many(digests)
    folder = path.with_suffix("")
    # The byte-order mark makes spreadsheets read UTF-8.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for one, digest in zip(asked, digests, strict=True):
            shown = _show(kind, digest, data[digest], folder)
            writer.writerow((str(one), "", "", shown))
    return len(asked)


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
