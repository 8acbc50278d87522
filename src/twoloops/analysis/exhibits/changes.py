"""What changed from one view of the atlas to another: rows, and the exhibits' main figures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from twoloops.atlas.comparing import (
    TableChange,
    article_derivatives,
    changes,
    hub_figures,
    latest_snapshots,
)
from twoloops.atlas.hub import article_models
from twoloops.atlas.open_models import YearCount
from twoloops.atlas.prices import BLEND, Price, price_on
from twoloops.atlas.regions import LabWeights
from twoloops.atlas.vintages import View

COUNTRIES = {"China": "China", "United States of America": "United States"}
"""The two countries the article compares, as the publisher writes them and as they are shown."""

PRICED = {
    "GPT-5.2": ("openai", "gpt-5.2"),
    "Kimi K2.5": ("moonshotai", "kimi-k2.5"),
    "Qwen3-Max": ("alibaba", "qwen3-max"),
}
"""Models of the article's price table that the fetched list prices, by maker and name."""

END = "9999-12-31"
"""A day after every price."""


class Figure(msgspec.Struct, frozen=True):
    """A figure of an exhibit, in both views.

    Args:
        exhibit: Id of the exhibit.
        name: What it is.
        unit: Its unit.
        before: In the first view; `None` where it is not known there.
        after: In the second view.
        definition: What is counted, and how it is computed.
    """

    exhibit: str
    name: str
    unit: str
    before: float | None
    after: float | None
    definition: str


class Changes(msgspec.Struct, frozen=True):
    """What changed.

    Args:
        before: The first view: `packaged`, `newest` or a date.
        after: The second one.
        fetched: Vintages that the second view reads.
        tables: Table by table.
        figures: The exhibits' main figures, those that did not change too.
    """

    before: str
    after: str
    fetched: int
    tables: tuple[TableChange, ...]
    figures: tuple[Figure, ...]


class _Measured(msgspec.Struct, frozen=True):
    """A figure of one view."""

    value: float | None
    unit: str
    definition: str


_Figures = dict[tuple[str, str], _Measured]


def changes_between(before: View, after: View) -> Changes:
    """Return what changed from one view to another."""
    old, new = _measured(before), _measured(after)
    figures = []
    for key in dict.fromkeys([*old, *new]):
        said = new.get(key) or old[key]
        one, other = (view[key].value if key in view else None for view in (old, new))
        figures.append(Figure(*key, said.unit, one, other, said.definition))
    return Changes(
        before.label, after.label, len(after.kept), changes(before, after), tuple(figures)
    )


def _measured(view: View) -> _Figures:
    parts: tuple[Callable[[View], _Figures], ...] = (_open_models, _prices, _open_share, _downloads)
    return {key: one for part in parts for key, one in part(view).items()}


def _open_models(view: View) -> _Figures:
    """Return the stock of open models of both countries, by what the file admits."""
    rows = view.rows("open_models", YearCount)
    found: _Figures = {}
    for scope, snapshot in latest_snapshots(view).items():
        stocks = {}
        for country, name in COUNTRIES.items():
            stock = sum(
                row.models
                for row in rows
                if row.snapshot == snapshot.snapshot and row.country == country
            )
            stocks[country] = stock
            found["open-models", f"{name}, {scope}"] = _Measured(
                stock,
                "models",
                "open models published so far (stock), in the snapshot that ends last",
            )
        total = sum(stocks.values())
        found["open-models", f"China's part of both, {scope}"] = _Measured(
            100 * stocks["China"] / total if total else None,
            "%",
            "China / (China + United States), stocks as above",
        )
    return found


def _prices(view: View) -> _Figures:
    """Return the blended list prices of models that the article compares, and their ratio."""
    rows = view.rows("prices", Price)
    blended = {}
    for name, (provider, model) in PRICED.items():
        last = price_on(rows, provider, model, END)
        blended[name] = None if last is None else last.blended
    found: _Figures = {
        ("price", name): _Measured(
            value, "USD/M tokens", f"list price of its maker, {BLEND}, the last one recorded"
        )
        for name, value in blended.items()
    }
    one, other = blended["GPT-5.2"], blended["Kimi K2.5"]
    ratio = one / other if one and other else None
    found["price", "GPT-5.2 / Kimi K2.5"] = _Measured(ratio, "ratio", "of the prices above")
    return found


def _open_share(view: View) -> _Figures:
    """Return which part of the catalogue's models is open."""
    labs = view.rows("catalogue_labs", LabWeights)
    total = sum(row.open + row.closed for row in labs)
    share = 100 * sum(row.open for row in labs) / total if total else None
    said = "models with published weights / all models of models.dev (stock)"
    return {("landscape", "open part of the catalogue"): _Measured(share, "%", said)}


def _downloads(view: View) -> _Figures:
    """Return downloads and derivatives of the article's models, added up."""
    found = {name: figures for (name,), figures in hub_figures(view).items()}
    # The article gives no derivatives of one of its ten models: it is left out on both sides.
    counted = [
        name for (name,), told in article_derivatives().items() if told["derivatives"] is not None
    ]
    return {
        ("downloads", "the article's ten models"): _Measured(
            _sum(found, list(article_models()), "downloads"),
            "downloads",
            "sum over the last 30 days on the Hugging Face Hub (flow), known where all ten are "
            "there; the article's own cover two months and are not compared",
        ),
        ("downloads", f"derivatives of {len(counted)} of these"): _Measured(
            _sum(found, counted, "derivatives"),
            "models",
            "sum (stock) of fine-tunes, adapters, merges and quantised copies, over the models "
            "whose derivatives the article gives; it does not say what it counts",
        ),
    }


def _sum(found: Mapping[str, Mapping[str, Any]], names: Sequence[str], field: str) -> float | None:
    """Return a sum over models, `None` where it would lack one of them."""
    values = [found.get(name, {}).get(field) for name in names]
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(names) else None
