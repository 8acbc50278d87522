"""All exhibits of one's own loops, under the ids that the article's exhibits have."""

from collections import Counter
from collections.abc import Callable
from typing import get_args

from twoloops.analysis.controls.matrix import Finding, Matrix
from twoloops.analysis.exhibits.model import Column, Exhibit, Note, Row, Table
from twoloops.analysis.own import data, drawn, meeting, models, price
from twoloops.analysis.own.facts import Own
from twoloops.analysis.own.sources import CATALOG, made

MAKERS: dict[str, Callable[[Own], Exhibit]] = {
    "landscape": models.landscape,
    "open-models": models.bases,
    "downloads": models.derivatives,
    "price": price.price,
    "data-asset": data.data_asset,
    "small-models": meeting.small_models,
    "distillation": data.labellers,
    "applications": data.places,
}

COLUMNS = (
    Column("layer"),
    Column("item"),
    Column("finding"),
    Column("instrument"),
    Column("issuer"),
    Column("state"),
    Column("known until", "", "after that day the row is stale"),
    Column("why"),
)


def exhibits(own: Own, matrix: Matrix) -> tuple[Exhibit, ...]:
    """Return the exhibits of a workspace or replay.

    Args:
        own: Its figures.
        matrix: What dated instruments touch of it.
    """
    return (*(make(own) for make in MAKERS.values()), controls(own, matrix))


def controls(own: Own, matrix: Matrix) -> Exhibit:
    """Return what dated instruments touch, item by item; it gives no legal outcome."""
    rows = [
        Row(
            (
                row.layer,
                row.item,
                row.finding,
                row.instrument,
                row.issuer,
                row.state,
                f"{row.known_until.isoformat()}{', stale' if row.stale else ''}",
                row.how,
            ),
            as_of=row.as_of.isoformat(),
            sources=tuple(dict.fromkeys(one for one in (row.source, row.state_source) if one))
            or (CATALOG,),
        )
        for row in matrix.rows
        if row.finding != "not found to touch"
    ]
    left = matrix.counts.get("not found to touch", 0)
    table = Table(
        "matrix",
        "What instruments touch, name, or cannot be told of",
        COLUMNS,
        tuple(rows),
        f"{left} further comparisons found nothing; all of them:  twoloops controls.",
    )
    notes = [Note("gap", f"{layer}: {gap}", (CATALOG,)) for layer, gap in matrix.gaps.items()]
    notes += [Note("caution", words, (CATALOG,)) for words in matrix.limits]
    found = Counter((row.layer, row.finding) for row in matrix.rows)
    chart = drawn.bars(
        "findings",
        "Comparisons by layer and finding",
        [
            (layer, finding, float(found[layer, finding]))
            for layer in dict.fromkeys(row.layer for row in matrix.rows)
            for finding in get_args(Finding)
            if found[layer, finding]
        ],
        "comparisons of an item with an instrument (number)",
        "What a finding means is said below; cannot say: a fact that a criterion needs is missing.",
        (CATALOG,),
    )
    return made(
        own,
        "controls",
        "Controls",
        f"Which dated instruments touch what the loops rest on, as of {matrix.as_of.isoformat()}?",
        charts=[chart],
        tables=[table],
        notes=notes,
    )
