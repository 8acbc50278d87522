"""Answers from Label Studio: its JSON and JSON-MIN exports, read back by the observation's place.

One annotation is one label; its labeller is `person:` and the annotator's e-mail address, or
`label-studio-` and the number under which the server knows the annotator. A task that somebody
skipped is one of which they cannot tell; drafts are ignored. A label that went out with
`twoloops label export --labelled` and came back unchanged is known, not new.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from twoloops.physical.labelling.answers import problem_of, take_in
from twoloops.physical.labelling.desk import COMMENT as COMMENT_LENGTH
from twoloops.physical.labelling.desk import LONGEST, pass_item
from twoloops.physical.labelling.label_studio import (
    COMMENT,
    LABEL,
    LABELLED,
    NEW_LABEL,
    OBSERVATION,
    fingerprint,
)
from twoloops.physical.labelling.policy import labelling_of
from twoloops.physical.labelling.questions import complain, stranger
from twoloops.records.errors import UserError
from twoloops.records.label import Label, Note
from twoloops.records.money import Money
from twoloops.records.observation import Place, parse_place
from twoloops.records.task import Task
from twoloops.store.workspace import Store

Problem = tuple[int, str]
"""Where in the file, in the order of reading, and what is wrong there."""


class Imported(NamedTuple):
    """What became of a file's answers.

    Args:
        new: Labels that were not there yet.
        repeated: Labels that were.
        added: Labels the task did not have and has now.
        cost: What the new ones cost, or `None` where there were none.
        blank: Tasks or annotations without an answer.
        passed: How often somebody skipped a task and could not tell, for the first time.
    """

    new: int
    repeated: int
    added: tuple[str, ...]
    cost: Money | None
    blank: int = 0
    passed: int = 0


class Given(NamedTuple):
    """One annotation.

    Args:
        where: Its place in the file, for people.
        place: The observation's.
        label: The answer; `None` where the task was skipped.
        labeller: Who gave it; `None` where the file does not say.
        at: When, or `None`.
        seconds: Time spent on it, or `None`.
        comment: What was written beside.
        opinion_shown: Whether the task carried what the model decided.
        import_id: Under which it went out, or `None`.
    """

    where: str
    place: Place
    label: str | None
    labeller: str | None
    at: datetime | None
    seconds: float | None
    comment: str
    opinion_shown: bool = False
    import_id: int | None = None


class _WrongError(ValueError):
    """What cannot be read, in a sentence."""


def import_tasks(
    store: Store,
    task: str,
    path: Path,
    *,
    at: datetime,
    labeller: str = "person:import",
    new_labels: bool = False,
) -> Imported:
    """Take in a JSON or JSON-MIN export; what is wrong is told at once, and nothing is taken in.

    A label costs the time that Label Studio measured (`lead_time`, at most `desk.LONGEST`) where
    the task's labelling policy has an hourly rate, and else the flat price.

    Args:
        store: Where the labels go.
        task: The task's name.
        path: The file.
        at: Now.
        labeller: Whose answers they are where the file does not say.
        new_labels: Whether a label the task does not have is added to it, or refused.

    Raises:
        UserError: With every problem and its place.
    """
    kind = store.tasks.get(task)
    given, blank, problems = _read(path)
    with store.transaction():
        known = store.observations.find(one.place for _, one in given)
        labels = _labels(store, kind, [one for _, one in given], labeller, at)
        said = store.labels.find(one.place for _, one in given)
        earlier = {(old.observation, old.labeller): old for olds in said.values() for old in olds}
        before = set(earlier)
        for (number, one), label in zip(given, labels, strict=True):
            if label is None:
                problem = stranger(one.place, kind.name, known)
            else:
                problem = problem_of(label, kind, known, earlier, new_labels)
            if problem is not None:
                problems.append((number, f"{one.where}: {problem}"))
        complain(f"{path} was not imported", [text for _, text in sorted(problems)])
        done = take_in(store, kind, [one for one in labels if one is not None], at)
        passed = 0
        for (_, one), label in zip(given, labels, strict=True):
            who = one.labeller or labeller
            if label is not None and (one.place, label.labeller) not in before:
                before.add((one.place, label.labeller))
                store.notes.put(one.place, label.labeller, _note(one))
                store.passes.remove(one.place, label.labeller)
            elif label is None and (one.place, who) not in earlier:
                passed += pass_item(
                    store, kind.name, who, one.place,
                    why=one.comment, seconds=one.seconds or 0.0, at=at,
                )  # fmt: skip
    return Imported(done.new, done.repeated, done.added, done.cost, blank, passed)


def _labels(
    store: Store, task: Task, given: Sequence[Given], labeller: str, at: datetime
) -> list[Label | None]:
    """Return each annotation's label: the one that went out, or a new one; `None` where skipped."""
    policy = labelling_of(store, task.name)
    flat = task.costs.label
    ours = _ours(store, given)
    return [
        None
        if one.label is None
        else ours.get((one.place, one.import_id, one.label))
        or Label(
            one.place,
            one.label,
            one.labeller or labeller,
            at if one.at is None else min(at, one.at),
            flat if one.seconds is None else policy.price(flat, one.seconds),
        )
        for one in given
    ]


def _ours(store: Store, given: Sequence[Given]) -> dict[tuple[Place, int | None, str], Label]:
    """Return the labels that went out as annotations, by the ids they went out under."""
    known = store.labels.find(one.place for one in given if one.import_id is not None)
    return {
        (place, fingerprint(one), one.label): one for place, found in known.items() for one in found
    }


def _note(one: Given) -> Note:
    return Note(one.seconds or 0.0, one.opinion_shown, one.comment[:COMMENT_LENGTH])


def _read(path: Path) -> tuple[list[tuple[int, Given]], int, list[Problem]]:
    """Return a file's annotations, how many are blank, and problems, numbered as they are read."""
    given: list[tuple[int, Given]] = []
    problems: list[Problem] = []
    blank = number = 0
    for position, element in enumerate(_elements(path), start=1):
        for where, annotation in _annotations(position, element):
            number += 1
            try:
                found = None if annotation is None else _given(where, element, annotation)
            except _WrongError as error:
                problems.append((number, f"{where}: {error}"))
                continue
            if found is None:
                blank += 1
            else:
                given.append((number, found))
    return given, blank, problems


def _elements(path: Path) -> list[Any]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; check the path") from error
    try:
        found = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(
            f"{path} is no JSON ({error}): export the project from Label Studio as JSON or JSON-MIN"
        ) from error
    if not isinstance(found, list):
        raise UserError(
            f"{path} is no list of tasks: export the project from Label Studio as JSON or JSON-MIN"
        )
    return found


def _annotations(position: int, element: Any) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield a task's annotations with their place; `None` for one that has none.

    A JSON-MIN export has one element an annotation; it is yielded as it is.
    """
    if not isinstance(element, dict):
        yield f"task {position} of the file", {"broken": "it is no JSON object"}
        return
    name = element.get("id")
    task = f"task {position} of the file" if not isinstance(name, int) else f"task {name}"
    if "annotations" not in element and "data" not in element:
        yield task, element
        return
    annotations = element.get("annotations") or []
    if not isinstance(annotations, list):
        yield task, {"broken": "its annotations are no list"}
        return
    if not annotations:
        yield task, None
    for number, annotation in enumerate(annotations, start=1):
        where = f"{task}, annotation {number}"
        if isinstance(annotation, dict):
            yield where, annotation
        else:
            yield where, {"broken": "it is no JSON object"}


def _given(where: str, element: Any, annotation: dict[str, Any]) -> Given | None:
    """Return what an annotation says, or `None` where it says nothing.

    Raises:
        _WrongError: It cannot be read.
    """
    if isinstance(annotation.get("broken"), str) and len(annotation) == 1:
        raise _WrongError(annotation["broken"])
    small = annotation is element
    answers = _small(annotation) if small else _results(annotation.get("result"))
    skipped = annotation.get("was_cancelled") is True
    label = None if skipped else _label(answers)
    if label is None and not skipped:
        return None
    if small and element.get(LABELLED):
        raise _WrongError(
            "it went out with labels, and JSON-MIN does not say which of its answers are new: "
            "export the project as JSON"
        )
    import_id = annotation.get("import_id")
    return Given(
        where=where,
        place=_place(element),
        label=label,
        labeller=_labeller(annotation, changed=import_id is not None),
        at=_time(annotation),
        seconds=_seconds(annotation.get("lead_time")),
        comment=" ".join(answers.get(COMMENT, [])).strip(),
        opinion_shown=bool(element.get("predictions")),
        import_id=import_id if isinstance(import_id, int) else None,
    )


def _results(results: Any) -> dict[str, list[str]]:
    """Return what each tag of the config was answered with."""
    found: dict[str, list[str]] = {}
    for one in results or ():
        value = one.get("value") if isinstance(one, dict) else None
        if not isinstance(value, dict):
            raise _WrongError("its result cannot be read")
        words = value.get("choices", value.get("text"))
        if isinstance(words, str):
            words = [words]
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            found.setdefault(str(one.get("from_name")), []).extend(words)
    return found


def _small(row: dict[str, Any]) -> dict[str, list[str]]:
    """Return the answers of a row of JSON-MIN, where one answer stands without its list."""
    found: dict[str, list[str]] = {}
    for name in (LABEL, NEW_LABEL, COMMENT):
        value = row.get(name, [])
        for one in value if isinstance(value, list) else [value]:
            words = one.get("choices", one.get("text")) if isinstance(one, dict) else one
            found.setdefault(name, []).extend(
                map(str, words if isinstance(words, list) else [words])
            )
    return found


def _label(answers: dict[str, list[str]]) -> str | None:
    """Return the one label that was chosen or named; `None` where there is none.

    Raises:
        _WrongError: There are several.
    """
    named = [word.strip() for word in answers.get(NEW_LABEL, ()) if word.strip()]
    found = list(dict.fromkeys([*answers.get(LABEL, ()), *named]))
    if len(found) > 1:
        raise _WrongError(f"it has {len(found)} labels, {found}: one is allowed")
    return found[0] if found else None


def _place(element: dict[str, Any]) -> Place:
    """Return the observation a task is about: of JSON in its data, of JSON-MIN beside them."""
    for holder in (element.get("data"), element.get("meta"), element):
        text = holder.get(OBSERVATION) if isinstance(holder, dict) else None
        if text is None:
            continue
        try:
            return parse_place(str(text))
        except ValueError:
            raise _WrongError(f"{text!r} is no observation: EDGE/EPOCH/COUNTER joins it") from None
    raise _WrongError(
        f"its data have no {OBSERVATION!r}: only tasks that  twoloops label export  wrote can be "
        "joined"
    )


def _labeller(annotation: dict[str, Any], *, changed: bool) -> str | None:
    """Return who gave an annotation; of one that went out as ours, who changed it."""
    who = annotation.get("completed_by", annotation.get("annotator"))
    if changed and annotation.get("updated_by") is not None:
        who = annotation["updated_by"]
    if isinstance(who, dict):
        who = who.get("email") or who.get("id")
    if isinstance(who, str) and who.strip():
        return f"person:{who.strip()}"
    if isinstance(who, int) and not isinstance(who, bool):
        return f"person:label-studio-{who}"
    return None


def _time(annotation: dict[str, Any]) -> datetime | None:
    text = annotation.get("updated_at") or annotation.get("created_at")
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise _WrongError(f"{text!r} is no time with a zone, as 2026-03-01T12:00:00Z")
    return found


def _seconds(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _WrongError(f"lead_time {value!r} is no number of seconds")
    if not 0 <= value < math.inf:
        raise _WrongError(f"lead_time {value!r} is no number of seconds from 0 on")
    return min(float(value), LONGEST)
