"""Exhibits together: the article's, or any others, with what is said of all of them."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from twoloops.analysis.claims import ClaimVerdict
from twoloops.analysis.exhibits import (
    applications,
    coverage,
    downloads,
    landscape,
    open_models,
    price,
    small_models,
    timelines,
)
from twoloops.analysis.exhibits.basis import Basis
from twoloops.analysis.exhibits.marks import DISAGREEMENTS, SAID
from twoloops.analysis.exhibits.model import Column, Exhibit, Remark, Row, Table
from twoloops.atlas.tables import Source
from twoloops.atlas.vintages import PACKAGED
from twoloops.records.errors import UserError

MAKERS: dict[str, Callable[[Basis], Exhibit]] = {
    "landscape": landscape.landscape,
    "open-models": open_models.open_models,
    "downloads": downloads.downloads_and_derivatives,
    "price": price.price_and_value,
    "data-asset": timelines.data_asset,
    "small-models": small_models.small_models,
    "distillation": timelines.distillation,
    "controls": coverage.coverage,
    "applications": applications.applications,
}
"""The article's exhibits in its order; `open-models` charts the figures of its section II."""

ABOUT = (
    'The exhibits are those of an article on the USCC staff working paper "Two Loops"; the paper '
    "itself was not available. The article numbers none of its exhibits; growth of open models is "
    "added from its section II.",
    "Every figure stands with its source, its date, its unit and how it was computed. Where other "
    "sources or the article's own arithmetic disagree, that stands beneath the row.",
    "Blocs and countries are fields of the data; no legal outcome is given for anybody.",
)


class Collection(msgspec.Struct, frozen=True):
    """Exhibits that are shown together.

    Args:
        title: Of the page.
        about: What they are, in sentences.
        tables: Which tables they were made from: `packaged`, `newest` or a date, and what it holds.
        exhibits: In the order shown.
        corrections: What other sources and arithmetic disagree with, `None` where nothing is
            judged.
        sources: All sources of exhibits and corrections, each once.
    """

    title: str
    about: tuple[str, ...]
    tables: str
    exhibits: tuple[Exhibit, ...]
    corrections: Table | None
    sources: tuple[Source, ...]


def chosen(ids: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """Return ids of exhibits, all of them if none is named.

    Raises:
        UserError: There is none of that id.
    """
    known = tuple(known)
    unknown = [id for id in ids if id not in known]
    if unknown:
        raise UserError(f"there is no exhibit {unknown[0]!r}; there are {', '.join(known)}")
    return tuple(id for id in known if id in ids) if ids else known


def article_exhibits(basis: Basis, ids: Sequence[str] = ()) -> Collection:
    """Return the article's exhibits, all of them or those named.

    Raises:
        UserError: There is no exhibit of that id.
    """
    wanted = chosen(ids, MAKERS)
    exhibits = tuple(MAKERS[id](basis) for id in wanted)
    corrections = _corrections(tuple(basis.article)) if not ids else None
    return gathered(
        "The article's exhibits, recomputed",
        ABOUT,
        _tables(basis),
        exhibits,
        corrections,
        basis.view.sources(),
    )


def gathered(
    title: str,
    about: Sequence[str],
    tables: str,
    exhibits: Sequence[Exhibit],
    corrections: Table | None = None,
    known: dict[str, Source] | None = None,
) -> Collection:
    """Return exhibits as a collection with the sources that it cites.

    Args:
        title: Of the page.
        about: What they are.
        tables: Which tables they were made from.
        exhibits: In the order shown.
        corrections: What disagrees.
        known: Sources by id, where corrections name some.
    """
    found = {source.id: source for exhibit in exhibits for source in exhibit.sources}
    for row in corrections.rows if corrections else ():
        found.update({id: (known or {})[id] for id in row.sources})
    return Collection(
        title, tuple(about), tables, tuple(exhibits), corrections, tuple(found.values())
    )


def _tables(basis: Basis) -> str:
    """Say which tables were read."""
    kept = [f"{one.vintage.publisher} of {one.vintage.day}" for one in basis.view.kept]
    if not kept:
        return f"{PACKAGED}: the tables that come with this release"
    return f"{basis.view.label}: the packaged tables, and {', '.join(kept)}"


def _corrections(judged: Sequence[ClaimVerdict]) -> Table:
    """Return the article's own claims that fail, are contradicted or differ by definition."""
    rows = []
    for one in judged:
        grave = one.source_verdict in DISAGREEMENTS
        if one.role != "article" or not (grave or one.arithmetic == "fails"):
            continue
        value = "" if one.value is None else f"{one.value:g}" if _number(one.value) else one.value
        cells = (
            one.claim,
            one.section,
            f"{value} {'' if one.unit == 'text' else one.unit}".strip(),
        )
        said = (one.arithmetic, SAID[one.source_verdict])
        remark = Remark(SAID[one.source_verdict], one.explanation)
        used = ("article", *(source.id for source in one.sources))
        rows.append(Row((*cells, *said), one.as_of, used, f"claim {one.id}", (remark,)))
    columns = (
        Column("the article says"),
        Column("section"),
        Column("value"),
        Column("arithmetic", definition="recomputed from the article's other figures"),
        Column("elsewhere", definition="what other sources say"),
    )
    note = "The same verdicts, with those that hold:  twoloops claims"
    differs = sum(row.cells[-1] == SAID["differs_by_definition"] for row in rows)
    title = (
        f"{len(rows)} statements of the article do not agree with others: {len(rows) - differs} "
        f"are contradicted or fail their arithmetic, {differs} differ by definition"
    )
    return Table("corrections", title, columns, tuple(rows), note)


def _number(value: object) -> bool:
    return isinstance(value, int | float)
