"""What one licence, or one provider's terms, asks of what is made from it: rows to obligations.

Three ways lead from one thing to the next, and a licence speaks of each differently: weights
that are used on, outputs that are trained on, data that is learned from.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Literal, get_args

from msgspec.structs import replace

from twoloops.atlas.contracts import Licence, TeacherTerms, known_as
from twoloops.digital.vetting.licensing import find_licence
from twoloops.records.finding import OUTWARD, PURPOSES
from twoloops.records.obligations import Obligation, ObligationKind

Way = Literal["weights", "outputs", "data"]

UNKNOWN: Literal["unknown"] = "unknown"
SETTLED: dict[str, str] = {
    "research-only": "an agreement, or an answer that this is research",
    "non-commercial": "an agreement, or an answer that this is not commercial",
    "threshold": "an answer whether this holds",
}
"""Kinds that a person has to settle, with what settles them."""


def of_licence(
    whose: str, expression: str, way: Way, known: Sequence[Licence], today: date
) -> tuple[Obligation, ...]:
    """Return what the licence of a thing asks of what is made from it in one way.

    Args:
        whose: The thing's title.
        expression: Its licence as stated; of an alternative every part counts.
        way: How it was used.
        known: The dated table.
        today: The day; rows to be reviewed before it are stale.
    """
    words = re.split(r"\s+(?:AND|OR|WITH)\s+", expression.replace("(", "").replace(")", ""))
    parts = dict.fromkeys(word.strip() or UNKNOWN for word in words)
    return tuple(one for part in parts for one in _part(whose, part, way, known, today))


def of_teacher(
    teacher: str, known: Sequence[TeacherTerms], today: date
) -> tuple[tuple[str, Obligation], ...]:
    """Return what a teacher's terms ask of what learned from its outputs.

    Args:
        teacher: Its name, such as `openai/gpt-6` or `openrouter/qwen/qwen-max`.
        known: The dated table.
        today: The day; rows to be reviewed before it are stale.

    Returns:
        Pairs of a provider and an obligation; the provider is empty where none is known.
    """
    rows = [one for one in known if known_as(teacher, one)]
    found = [(row.provider, one) for row in rows for one in _terms(teacher, row)]
    found += [
        (row.provider, _stale(f"the terms of {row.provider}", row.source, row.as_of, row.review_by))
        for row in rows
        if row.review_by < today
    ]
    if not rows:
        text = f"what the terms of {teacher} say of training on outputs: the table has no such row"
        # Unlike a licence of weights, terms of a service that nobody has read may forbid it all.
        found.append(("", Obligation(UNKNOWN, text, "teacher terms table", needs=PURPOSES)))
    elif all(row.stance == "passes on" for row in rows):
        text = f"{teacher} does not name the upstream model, whose terms apply"
        unnamed = replace(_of_row(rows[0], UNKNOWN, text, needs=True), needs=PURPOSES)
        found.append((rows[0].provider, unnamed))
    return tuple(found)


def _terms(teacher: str, row: TeacherTerms) -> Iterator[Obligation]:
    """Yield what the stance of a row comes to; `passes on` leaves it to the upstream's row."""
    text = f"{row.provider}, {row.document}: {row.says}"
    if row.stance in ("names it as a use", "passes on"):
        return
    if row.stance == "silent":
        yield _of_row(row, UNKNOWN, text, needs=True)
        return
    own = Obligation("no-train-on-outputs", text, row.source, read=row.as_of)
    if row.stance == "against":
        yield replace(own, against=PURPOSES)
    elif row.outward == "against":
        yield replace(own, needs=("internal",), against=OUTWARD)
    else:  # `conditions`, and whatever word a later table may hold: a person has to answer
        yield replace(own, needs=PURPOSES)


def _of_row(row: TeacherTerms, kind: ObligationKind, text: str, *, needs: bool) -> Obligation:
    return Obligation(kind, text, row.source, needs=OUTWARD if needs else (), read=row.as_of)


def _stale(what: str, source: str, as_of: date, review_by: date) -> Obligation:
    text = f"{what} were looked at {as_of} and were to be read again by {review_by}"
    return Obligation(UNKNOWN, text, source, needs=OUTWARD, read=review_by)


def _part(
    whose: str, name: str, way: Way, known: Sequence[Licence], today: date
) -> Iterator[Obligation]:
    row = None if name.casefold() == UNKNOWN else find_licence(name, known)
    if row is None:
        said = (
            f"the licence of {whose} is unknown"
            if name.casefold() == UNKNOWN
            else f"{whose}: {name}, of which the table knows nothing"
        )
        yield Obligation(UNKNOWN, said, "licence table", needs=OUTWARD)
        return
    if way == "outputs":
        yield from _outputs(row)
    else:
        yield from _duties(row, shared="needs" if way == "data" else "duty")
        if way == "weights" and row.students not in ("free", "not said", UNKNOWN):
            # A duty, which stops nothing: it says what holds of students before there is one.
            forward: ObligationKind = (
                "no-train-on-outputs" if row.students == "no language models" else "use-limit"
            )
            yield _obligation(row, forward, f"of its outputs: {row.outputs}")
    if row.review_by < today:
        yield _stale(f"the terms of {row.id}", row.source, row.as_of, row.review_by)


def _outputs(row: Licence) -> Iterator[Obligation]:
    """Yield what a licence of weights asks of a model trained on outputs."""
    if row.students == "free":
        return
    if row.students == "derivative":
        yield from _duties(row, shared="duty")
    elif row.students == "named":
        yield from (one for one in _duties(row, shared="duty") if one.kind == "naming")
    elif row.students == "no language models":
        text = f"{row.outputs}; whether that holds for this model needs a person's answer"
        yield replace(_obligation(row, "no-train-on-outputs", text), needs=PURPOSES)
    else:
        yield from _duties(row, shared="needs")
        text = "it does not say what a model trained on outputs is"
        yield replace(_obligation(row, UNKNOWN, text), needs=OUTWARD)


def _duties(row: Licence, *, shared: Literal["needs", "duty"]) -> Iterator[Obligation]:
    """Yield the row's duties; `shared`: whether a share-alike clause reaches this far is open."""
    for part in filter(None, row.duties.split("|")):
        kind, _, text = part.partition(":")
        kind = kind.strip()
        if kind not in get_args(ObligationKind):
            raise ValueError(f"licences.csv, {row.id}: no kind of obligation {kind!r}")
        own = _obligation(row, kind, text.strip())  # type: ignore[arg-type]
        if kind in ("research-only", "non-commercial"):
            yield replace(own, text=f"{own.text}; needs {SETTLED[kind]}", needs=PURPOSES)
        elif kind == UNKNOWN:
            yield replace(own, needs=OUTWARD)
        elif kind == "share-alike" and shared == "needs":
            asked = f"{own.text}; whether that reaches a trained model needs a person's answer"
            yield replace(own, text=asked, holds=OUTWARD, needs=OUTWARD)
        else:
            yield replace(own, holds=PURPOSES if kind == "use-limit" else OUTWARD)
    if row.threshold and "research-only" not in row.duties:
        text = f"{row.threshold}; needs {SETTLED['threshold']}"
        yield replace(_obligation(row, "threshold", text), needs=OUTWARD)


def _obligation(row: Licence, kind: ObligationKind, text: str) -> Obligation:
    return Obligation(kind, f"{row.id}: {text}", row.source, read=row.as_of)
