"""What a system rests on, as items with facts: made from a workspace, a replay or declarations.

An item's facts are what instruments' criteria are compared with. A fact that is not there is
unknown: it makes a criterion undecided, never unmet.
"""

from collections.abc import Iterable
from typing import Literal, get_args

import msgspec

from twoloops.atlas.contracts import UNKNOWN, origin
from twoloops.atlas.hardware import Device

Layer = Literal[
    "training-compute",
    "base-weights",
    "edge-hardware",
    "deployment-data",
    "teacher-api",
    "cross-border-flow",
]
LAYERS: tuple[Layer, ...] = get_args(Layer)

Subject = Literal["hardware", "training", "base", "data", "teacher", "flow"]
Value = float | str | tuple[str, ...]
"""A fact: a number, a word, or several words any of which counts."""

QUANTITIES = {
    "tpp": "total processing performance (--hardware, or --tops and --bits)",
    "performance_density": "performance density (--die-area)",
    "dram_bandwidth": "memory bandwidth in GB/s (--dram-bandwidth)",
    "datacentre": "whether it is designed or marketed for datacentres (--datacentre)",
    "part": "whether it is a processor or a memory stack",
    "memory_bandwidth_density": "memory bandwidth per area of the stack",
    "training_operations": "operations spent on training (--declare)",
    "weights": "whether the weights are published (--weights)",
    "compute_location": "whether training runs on own or rented machines (--declare)",
    "publisher": "who published it",
    "publisher_origin": "where its publishers are at home",
    "user": "who uses it (--declare)",
    "data_category": "what kind of data it is (--declare)",
    "data_country": "where the data comes from (--declare)",
    "data_source": "what the data is recorded by (--declare)",
    "holder_country": "where the company that holds the data reports (--declare)",
    "product": "what product it is built into (--declare)",
    "supplier_country": "where the product's supplier is at home (--declare)",
    "goods": "what crosses the border (--declare)",
    "recipient_country": "where it goes (--to)",
    "recipient_headquarters": "where the recipient or its parent has its seat (--declare)",
    "recipient_listed": "whether the recipient is on the Entity List (--declare)",
    "recipient_parent_listed": "whether a listed party owns 50 % or more of it (--declare)",
}
"""Every quantity of a criterion, and how an unknown one is made known."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing the loops rest on.

    Args:
        layer: Of the six layers.
        subject: What kind of thing it is: instruments name the kinds they are about.
        name: Its name.
        what: What it is, in a few words with figures.
        facts: What is known of it, by quantity; `None` values are left out.
        licences: By licence, whose it is: the item's own name and those it was made from.
        known_from: `lineage`, `journal`, `result`, `declared` or `hardware table`.
        source: Id of the atlas source of its figures, where they come from a table.
    """

    layer: Layer
    subject: Subject
    name: str
    what: str
    facts: dict[str, Value] = {}
    licences: dict[str, tuple[str, ...]] = {}
    known_from: str = "declared"
    source: str = ""

    def and_also(self, other: "Item") -> "Item":
        """Return the item with what another of the same name says besides."""
        told = dict.fromkeys((*self.what.split("; "), *other.what.split("; ")))
        return msgspec.structs.replace(
            self,
            what="; ".join(filter(None, told)),
            facts={**other.facts, **self.facts},
            licences={**other.licences, **self.licences},
        )


class System(msgspec.Struct, frozen=True, kw_only=True):
    """What a system rests on.

    Args:
        title: Of which workspace, replay or declaration.
        items: What was found, layer by layer.
        gaps: What could not be said of a layer, a sentence each.
    """

    title: str
    items: tuple[Item, ...] = ()
    gaps: dict[Layer, str] = {}

    def with_items(self, items: Iterable[Item]) -> "System":
        """Return the system with more items; one that is there already is told of once."""
        made: dict[tuple[str, str, str], Item] = {}
        for item in (*self.items, *items):
            key = (item.layer, item.subject, item.name)
            made[key] = made[key].and_also(item) if key in made else item
        filled = {item.layer for item in made.values()}
        left = {layer: gap for layer, gap in self.gaps.items() if layer not in filled}
        return System(title=self.title, items=tuple(made.values()), gaps=left)


def hardware_item(layer: Layer, device: Device, *, known_from: str = "hardware table") -> Item:
    """Return a device as an item."""
    facts: dict[str, Value | None] = {
        "tpp": device.tpp,
        "performance_density": device.density,
        "dram_bandwidth": device.dram_bandwidth_gb_s,
        "datacentre": device.datacentre,
        "part": "processor",
    }
    return Item(
        layer=layer,
        subject="hardware",
        name=device.name,
        what=device.shown,
        facts={name: value for name, value in facts.items() if value is not None},
        known_from=known_from,
        source=device.source,
    )


def base_item(
    name: str,
    publishers: Iterable[str],
    licences: Iterable[tuple[str, str]],
    *,
    what: str,
    weights: str | None = "published",
    known_from: str = "lineage",
) -> Item:
    """Return a base as an item; origins are looked up, unknown ones stay unknown.

    Args:
        name: The base's.
        publishers: Of it and of what it was made from, nearest first.
        licences: Pairs of a name and the licence expression it is under, likewise.
        what: What it is; its publishers with their origins are added.
        weights: `published`, `unpublished`, or `none` where nothing was learned; `None` where
            it is not known.
        known_from: Where that is known from.
    """
    own = tuple(dict.fromkeys(one.strip() for one in publishers if one.strip()))
    facts: dict[str, Value] = {} if weights is None else {"weights": weights}
    told = [what] if what else []
    if own:
        told.append(f"published by {', '.join(f'{one} ({origin(one)})' for one in own)}")
        facts["publisher"] = tuple(one.casefold() for one in own)
        # One unknown origin does not make the known ones unknown.
        facts["publisher_origin"] = tuple(dict.fromkeys(origin(one) for one in own))
    whose: dict[str, tuple[str, ...]] = {}
    for holder, expression in licences:
        for one in parts_of(expression):
            whose[one] = (*whose.get(one, ()), holder)
    return Item(
        layer="base-weights",
        subject="base",
        name=name,
        what="; ".join(told),
        facts=facts,
        licences=whose,
        known_from=known_from,
    )


def parts_of(licence: str) -> list[str]:
    """Return the licences of an expression; `unknown` stays one.

    >>> parts_of("Apache-2.0 AND MIT"), parts_of("")
    (['Apache-2.0', 'MIT'], ['unknown'])
    """
    words = licence.replace("(", " ").replace(")", " ").replace(" OR ", " AND ").split(" AND ")
    return [word.strip() or UNKNOWN for word in words]
