"""What changed between two views of the atlas: rows added, removed and changed, table by table.

Law: what is added from A to B is what is removed from B to A, and a view has not changed from
itself.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

import msgspec

from twoloops.atlas.claims import claims, reading
from twoloops.atlas.hub import HubFamily, HubModel, article_models
from twoloops.atlas.list_prices import ListPrice
from twoloops.atlas.open_models import Snapshot, YearCount
from twoloops.atlas.prices import Price
from twoloops.atlas.regions import LabWeights
from twoloops.atlas.vintages import View
from twoloops.records.errors import UserError

Row = TypeVar("Row", bound=msgspec.Struct)
Key = tuple[Any, ...]
Values = dict[str, Any]
Keyed = dict[Key, Values]


class RowChange(msgspec.Struct, frozen=True):
    """One row that is not the same in both views.

    Args:
        key: What names the row.
        change: `added`, `removed` or `changed`.
        before: Its figures in the first view, those that differ; empty for an added row.
        after: Likewise in the second view; empty for a removed row.
    """

    key: tuple[str, ...]
    change: str
    before: Values
    after: Values


class TableChange(msgspec.Struct, frozen=True):
    """What changed in one table.

    Args:
        table: Its name.
        what: What one of its rows says, and what its key is made of.
        before: Days of the vintages of the first view; `packaged` where there is none.
        after: Likewise of the second view.
        rows_before: Rows compared in the first view.
        rows_after: Likewise in the second view.
        changes: Added, removed and changed rows, by key.
    """

    table: str
    what: str
    before: str
    after: str
    rows_before: int
    rows_after: int
    changes: tuple[RowChange, ...]

    def count(self, change: str) -> int:
        """Return how many rows were `added`, `removed` or `changed`."""
        return sum(one.change == change for one in self.changes)


class Compared(NamedTuple):
    """How a table is compared.

    Attributes:
        name: Of the table.
        what: What one of its rows says, by which key.
        keyed: Reads the table of a view: figures by key.
    """

    name: str
    what: str
    keyed: Callable[[View], Keyed]


def changes(before: View, after: View) -> tuple[TableChange, ...]:
    """Return what changed in each table that is fetched, from one view to another."""
    return tuple(_change(one, before, after) for one in TABLES)


def latest_snapshots(view: View) -> dict[str, Snapshot]:
    """Return the snapshot that knows most of each scope: the one that ends last."""
    found: dict[str, Snapshot] = {}
    for one in view.rows("open_model_snapshots", Snapshot):
        if one.scope not in found or one.last >= found[one.scope].last:
            found[one.scope] = one
    return found


def difference(before: Keyed, after: Keyed) -> tuple[RowChange, ...]:
    """Return the rows that differ, by key.

    >>> difference({("a",): {"n": 1}, ("b",): {"n": 2}}, {("a",): {"n": 3}})[0].after
    {'n': 3}
    """
    found = []
    for key in sorted(before.keys() | after.keys(), key=lambda key: tuple(map(str, key))):
        old, new = before.get(key, {}), after.get(key, {})
        if old == new and (key in before) == (key in after):
            continue
        change = "changed"
        if key not in before:
            change = "added"
        elif key not in after:
            change = "removed"
        else:
            differing = [name for name in new if old.get(name) != new[name]]
            old = {name: old.get(name) for name in differing}
            new = {name: new[name] for name in differing}
        found.append(RowChange(tuple(str(one) for one in key), change, old, new))
    return tuple(found)


def _change(one: Compared, before: View, after: View) -> TableChange:
    old, new = one.keyed(before), one.keyed(after)
    return TableChange(
        one.name,
        one.what,
        _days(one.name, before),
        _days(one.name, after),
        len(old),
        len(new),
        difference(old, new),
    )


def _days(name: str, view: View) -> str:
    days = {kept.vintage.day for kept in view.kept if name in _names(kept.vintage.tables)}
    return ", ".join(sorted(days)) or "packaged"


def _names(tables: Iterable[Any]) -> set[str]:
    return {one.name for one in tables}


def _read(view: View, name: str, kind: type[Row]) -> tuple[Row, ...]:
    """Return a table's rows, none where it is neither packaged nor fetched."""
    try:
        return view.rows(name, kind)
    except UserError:
        if any(name in _names(kept.vintage.tables) for kept in view.kept):
            raise
        return ()


def _figures(row: msgspec.Struct, *names: str) -> Values:
    return {name: getattr(row, name) for name in names}


def _open_models(view: View) -> Keyed:
    scopes = {one.snapshot: one.scope for one in latest_snapshots(view).values()}
    return {
        (scopes[row.snapshot], row.country, row.year): _figures(row, "models")
        for row in view.rows("open_models", YearCount)
        if row.snapshot in scopes
    }


def _snapshots(view: View) -> Keyed:
    return {
        (scope,): _figures(one, "models", "open", "blank", "last")
        for scope, one in latest_snapshots(view).items()
    }


def _prices(view: View) -> Keyed:
    rows = sorted(view.rows("prices", Price), key=lambda row: row.since)
    # The last one stays.
    return {(row.provider, row.model, row.hours): _figures(row, "input", "output") for row in rows}


def _list_prices(view: View) -> Keyed:
    known = view.sources()
    return {
        (known[row.source].publisher, row.provider, row.model): _figures(row, "input", "output")
        for row in _read(view, "list_prices", ListPrice)
    }


def _labs(view: View) -> Keyed:
    rows = view.rows("catalogue_labs", LabWeights)
    return {(row.lab,): _figures(row, "open", "closed") for row in rows}


def hub_figures(view: View) -> Keyed:
    """Return what the Hub counts by model, where nothing was fetched the article's derivatives."""
    rows = _read(view, "hub_models", HubModel)
    if not rows:
        return article_derivatives()
    names = ("downloads", "all_downloads", "derivatives", "licence")
    return {(row.model,): _figures(row, *names) for row in rows}


def article_derivatives() -> Keyed:
    """Return the derivatives that the article gives for its ten models, by name on the Hub."""
    values = {one.id: reading(one.value, one.unit) for one in claims()}
    numbers = {model: values[claim] for model, claim in article_models().items()}
    return {
        (model,): {"derivatives": None if number is None else int(number)}
        for model, number in numbers.items()
    }


def _hub_families(view: View) -> Keyed:
    rows = _read(view, "hub_families", HubFamily)
    return {(row.family, row.account): _figures(row, "models", "downloads") for row in rows}


TABLES = (
    Compared(
        "open_models",
        "open models by scope, country and year of publication (a flow), in the snapshot of each "
        "scope that ends last",
        _open_models,
    ),
    Compared("open_model_snapshots", "what these snapshots hold, by scope", _snapshots),
    Compared(
        "prices",
        "the last list price of each model in USD per million tokens, by maker and model",
        _prices,
    ),
    Compared(
        "list_prices",
        "list prices in USD per million tokens, by catalogue, maker and model",
        _list_prices,
    ),
    Compared("catalogue_labs", "models in the catalogue of models.dev, by lab", _labs),
    Compared(
        "hub_models",
        "downloads of the last 30 days and derivatives on the Hugging Face Hub, by model; the "
        "article's downloads cover two months and are left out, and it does not say what it counts "
        "as a derivative",
        hub_figures,
    ),
    Compared(
        "hub_families",
        "models of an account whose names begin with the family's, and their downloads of the "
        "last 30 days, added up",
        _hub_families,
    ),
)
"""The tables that are fetched."""
