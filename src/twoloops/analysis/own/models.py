"""The digital loop of one's own: what runs, on which bases, and where these come from."""

from twoloops.analysis.exhibits.model import Column, Exhibit, Note, Row, Table
from twoloops.analysis.own import drawn
from twoloops.analysis.own.facts import Own, OwnBase
from twoloops.analysis.own.quality import quality, weak
from twoloops.analysis.own.sources import (
    CARDS,
    CATALOG,
    JOURNAL,
    day,
    made,
    measured_by,
)
from twoloops.atlas.contracts import UNKNOWN, Region, origin
from twoloops.atlas.tables import table
from twoloops.records.base import BaseCard

DATA_RELATION = "trained on"
"""Relation of a base to data: it is no model that the base was made from."""


TASK_COLUMNS = (
    Column("task"),
    Column("input"),
    Column("deployed on"),
    Column("of turn"),
    Column("right", "%", "share decided right by the deployed model", 3),
    Column("from", "%", "lower end of the 95 % interval", 3),
    Column("to", "%", "upper end of the 95 % interval", 3),
    Column("stands on", "labels"),
    Column("base", "million parameters", "learned ones, 0 for built-in features", 3),
    Column("a decision", "FLOP", "2 × the card's multiply-adds, encoder only", 2),
    Column("model file", "MB", "bytes of the deployed ONNX file / 10⁶", 3),
)
BASE_COLUMNS = (
    Column("base"),
    Column("kind"),
    Column("publisher"),
    Column("publisher's origin", "", "as the base's card says; unknown is said, not guessed"),
    Column(
        "ancestors' origin",
        "",
        "of the publishers of the models it was made from, by the packaged table",
    ),
    Column("licence", "", "SPDX expression of the card"),
    Column("revision"),
    Column("offered from turn", "", "0: the one a task starts on"),
    Column("models made", "models", "stock: specialised here"),
    Column("deployed for"),
)


def landscape(own: Own) -> Exhibit:
    """Return what runs here: each task with its model, its size and how often it is right."""
    cards = {base.name: base.card for base in own.bases}
    rows, points = [], []
    for task in own.tasks:
        model, good = task.deployed, quality(own, task)
        card = cards.get(model.card.base) if model is not None else None
        low, high = good.interval or (None, None)
        rows.append(
            Row(
                (
                    task.task.name,
                    task.task.kind,
                    model.card.base if model is not None else "nothing deployed yet",
                    None if model is None else model.turn,
                    _percent(good.value),
                    _percent(low),
                    _percent(high),
                    good.labels,
                    None if card is None else card.parameters / 1e6,
                    None if card is None else 2.0 * card.operations,
                    None if model is None or model.size is None else model.size / 1e6,
                ),
                as_of=day(own)
                if model is None or model.approved_at is None
                else model.approved_at.date().isoformat(),
                sources=tuple(dict.fromkeys((*measured_by(own), CATALOG, CARDS))),
                computed="how: in the notes",
                remarks=weak(good, measured_by(own)),
            )
        )
        if good.value is not None and low is not None and high is not None:
            points.append((task.task.name, 100 * good.value, 100 * low, 100 * high))
    sources = measured_by(own)
    chart = drawn.ranges(
        "right",
        "Decided right, by task",
        points,
        "decided right (%, 95 % interval)",
        "How it was measured stands in the table; unknown ones are left out.",
        sources,
    )
    return made(
        own,
        "landscape",
        "What runs here",
        "Which models decide what, how large are they, and how often are they right?",
        charts=[chart],
        tables=[Table("tasks", "Tasks and their deployed models", TASK_COLUMNS, tuple(rows))],
        notes=[
            Note("definition", f"{task.task.name}, right: {quality(own, task).how}.", sources)
            for task in own.tasks
        ],
    )


def bases(own: Own) -> Exhibit:
    """Return where the bases come from: publisher, origin, licence, ancestors."""
    derived = {base.name: _derivatives(own, base.name) for base in own.bases}
    rows = [_base_row(own, base, derived[base.name]) for base in own.bases]
    counted: dict[tuple[str, str], float] = {}
    for base in own.bases:
        for model, _ in derived[base.name]:
            kind = "on features" if model.startswith("features") else "on an open model"
            key = (root_origin(base.card), kind)
            counted[key] = counted.get(key, 0) + 1
    bars = [(name, part, value) for (name, part), value in sorted(counted.items())]
    chart = drawn.bars(
        "origin",
        "Models made here, by origin of what their base was made from",
        bars,
        "models made here (number)",
        "Built-in features were made from no model, so their origin is unknown: they are this "
        "package's own code.",
        (CATALOG, CARDS),
    )
    missing = [
        Note("gap", f"{base.name}: {base.missing}.", (CARDS,))
        for base in own.bases
        if base.card is None
    ]
    return made(
        own,
        "open-models",
        "The bases: origin and licence",
        "From whom are the bases, under which licence, and what were they made from?",
        charts=[chart],
        tables=[
            Table("bases", "Bases used or offered", BASE_COLUMNS, tuple(rows)),
            _ancestry(own),
        ],
        notes=[
            Note(
                "definition",
                "A publisher's origin and the origin of what its model was made from are two "
                "facts; neither is derived from the other. Publishers that the packaged table "
                "does not list are unknown.",
                (CARDS, *_tracked()),
            ),
            *missing,
        ],
    )


def derivatives(own: Own) -> Exhibit:
    """Return how many models were made from each base, and how often a task changed its base."""
    rows, parts = [], []
    for base in own.bases:
        here = [
            (task, model)
            for task in own.tasks
            for model in task.models
            if model.card.base == base.name
        ]
        released = sum(model.released for _, model in here)
        rows.append(
            Row(
                (
                    base.name,
                    len(here),
                    released,
                    sum(model.deployed for _, model in here),
                    ", ".join(sorted({task.task.name for task, _ in here})) or "none",
                ),
                as_of=day(own),
                sources=(CATALOG,),
            )
        )
        parts += [
            (base.name, "released", float(released)),
            (base.name, "not released", float(len(here) - released)),
        ]
    columns = (
        Column("base"),
        Column("derivatives", "models", "stock: models specialised here on it, released or not"),
        Column("released", "models", "stock: approved at some time"),
        Column("deployed now", "models"),
        Column("for the tasks"),
    )
    chart = drawn.bars(
        "derivatives",
        "Models made from each base",
        [part for part in parts if any(p[2] for p in parts if p[0] == part[0])],
        "derivatives (number of models)",
        "Every model specialised here, by the base it was specialised on.",
        (CATALOG,),
    )
    return made(
        own,
        "downloads",
        "Derivatives of each base",
        "How many models were made here from each base, and how often did a task change its base?",
        charts=[chart],
        tables=[
            Table("derivatives", "Derivatives by base", columns, tuple(rows)),
            _rebasing(own),
        ],
    )


def root_origin(card: BaseCard | None) -> str:
    """Return the origins of the publishers of the models a base was made from.

    What a model was trained on is data, not a model; a base without ancestors is `unknown`.
    """
    if card is None:
        return UNKNOWN
    found = [
        origin(one.publisher) for one in card.lineage if not one.relation.startswith(DATA_RELATION)
    ]
    return ", ".join(sorted(set(found))) or UNKNOWN


def _tracked() -> tuple[str, ...]:
    """Return the ids of the sources of the packaged table of organisations."""
    return tuple(dict.fromkeys(one.source for one in table("regions", Region)))


def _derivatives(own: Own, base: str) -> list[tuple[str, str]]:
    """Return kind of base and digest of every model made from it."""
    cards = {one.name: one.card for one in own.bases}
    card = cards[base]
    kind = "features" if card is not None and not card.parameters else "open model"
    return [
        (kind, model.digest)
        for task in own.tasks
        for model in task.models
        if model.card.base == base
    ]


def _base_row(own: Own, base: OwnBase, made: list[tuple[str, str]]) -> Row:
    card = base.card
    deployed = [
        task.task.name
        for task in own.tasks
        if task.deployed is not None and task.deployed.card.base == base.name
    ]
    return Row(
        (
            base.name,
            UNKNOWN if card is None else card.kind,
            UNKNOWN if card is None else card.publisher,
            UNKNOWN if card is None else card.origin,
            root_origin(card),
            UNKNOWN if card is None else card.licence,
            UNKNOWN if card is None else card.revision,
            base.offered_from,
            len(made),
            ", ".join(deployed) or "none",
        ),
        as_of=day(own),
        sources=(CARDS, CATALOG),
    )


def _ancestry(own: Own) -> Table:
    rows = [
        Row(
            (base.name, one.relation, one.name, one.publisher, origin(one.publisher), one.licence),
            as_of=day(own),
            sources=(CARDS,),
            computed=f"stated in: {one.source}",
        )
        for base in own.bases
        if base.card is not None and not base.card.parts
        for one in base.card.lineage
    ]
    columns = (
        Column("base"),
        Column("relation"),
        Column("to"),
        Column("publisher"),
        Column("publisher's origin"),
        Column("licence"),
    )
    note = "" if rows else "Built-in features have no ancestors."
    return Table("ancestry", "What the bases were made from", columns, tuple(rows), note)


def _rebasing(own: Own) -> Table:
    rows = []
    for task in own.tasks:
        tried = [
            turn for turn in task.turns if turn.base_note.startswith(("base adopted", "refused"))
        ]
        adopted = [turn for turn in tried if turn.base_note.startswith("base adopted")]
        share = 100 * len(adopted) / len(tried) if tried else None
        last = tried[-1].base_note if tried else "no other base was tried"
        rows.append(
            Row(
                (task.task.name, len(tried), len(adopted), share, last),
                as_of=day(own),
                sources=(JOURNAL,),
                computed="turns " + ", ".join(str(turn.number) for turn in tried) if tried else "",
            )
        )
    columns = (
        Column("task"),
        Column("turns that tried another base", "turns", "flow, over all turns"),
        Column("adopted", "turns"),
        Column("share re-based", "% of those turns", "", 3),
        Column("the last time"),
    )
    return Table("rebasing", "Changes of base", columns, tuple(rows))


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
