"""What a person declares of a system: what no lineage knows, as a TOML file or as options.

title = "press line 4"

[facts]                      # hold for every item that does not say otherwise
user = "a manufacturer"
data_category = "machine"

[[hardware]]
name = "Jetson AGX Orin"     # of the table; another one with tops, bits, die_area
use = "edge"                 # or "training"

[[base]]
name = "Qwen/Qwen2.5-3B-Instruct"
publishers = ["Qwen"]
licences = ["qwen-research"]

[[teacher]]
name = "openai/some-model"

[[data]]
name = "images of line 4"
facts = { data_country = "DE", data_source = "connected product" }

[[flow]]
name = "models to the plant abroad"
facts = { goods = "model", recipient_country = "CN" }
"""

import difflib
import re
from pathlib import Path
from typing import Literal

import msgspec

from twoloops.analysis.controls.system import (
    QUANTITIES,
    Item,
    System,
    Value,
    base_item,
    hardware_item,
)
from twoloops.atlas.contracts import UNKNOWN, terms
from twoloops.atlas.contracts import teacher_terms as known_terms
from twoloops.atlas.hardware import FORMULA_SOURCE, Device, device
from twoloops.atlas.instruments import packaged
from twoloops.records.errors import UserError

Facts = dict[str, float | str | list[str]]

ABOUT = {
    "hardware": {"datacentre"},
    "training": {"training_operations", "weights", "compute_location"},
    "base": {"user"},
    "data": {
        "data_category",
        "data_country",
        "data_source",
        "holder_country",
        "product",
        "supplier_country",
        "recipient_country",
    },
    "teacher": {"user"},
    "flow": {
        "goods",
        "data_category",
        "data_country",
        "recipient_country",
        "recipient_headquarters",
        "recipient_listed",
        "recipient_parent_listed",
        "tpp",
    },
}
"""Which facts of `[facts]` hold for which kind of item."""

INHERENT: dict[str, dict[str, Value]] = {"data": {"goods": "data"}}
"""What every item of a kind is."""


class Hardware(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A device: of the table by its name, or with its own figures (`hardware.Device`)."""

    name: str
    use: Literal["edge", "training"] = "edge"
    tops: float | None = None
    bits: int | None = None
    die_area: float | None = None
    dram_bandwidth: float | None = None
    datacentre: Literal["yes", "no"] | None = None


class Base(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A base, with its publishers and licences, nearest first."""

    name: str
    publishers: list[str] = []
    licences: list[str] = []
    weights: Literal["published", "unpublished"] | None = None


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A teacher, a body of data or a flow, with what is known of it."""

    name: str
    facts: Facts = {}


class Declared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything a person declares."""

    title: str = ""
    facts: Facts = {}
    hardware: list[Hardware] = []
    base: list[Base] = []
    teacher: list[Named] = []
    data: list[Named] = []
    flow: list[Named] = []
    training: list[Named] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing is declared but facts: these need items to hold for."""
        return not (
            self.hardware or self.base or self.teacher or self.data or self.flow or self.training
        )


def read(path: Path) -> Declared:
    """Read a declaration.

    Raises:
        UserError: The file cannot be read, or says something that is not known here.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Declared)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {error}; docs/controls.md shows what it may say") from error


def complete(system: System, declared: Declared) -> System:
    """Return a system with what is declared of it.

    Raises:
        UserError: A device or a quantity that is not known.
    """
    _check(declared.facts, "[facts]")
    made = system.with_items(_items(declared))
    items = tuple(_with_facts(item, declared.facts) for item in made.items)
    title = " and ".join(filter(None, (system.title, declared.title))) or "what is declared"
    return System(title=title, items=items, gaps=made.gaps)


def _with_facts(item: Item, facts: Facts) -> Item:
    held = {name: _value(v) for name, v in facts.items() if name in ABOUT[item.subject]}
    return msgspec.structs.replace(item, facts={**held, **item.facts})


def _items(declared: Declared) -> list[Item]:
    items = [
        hardware_item(
            "edge-hardware" if one.use == "edge" else "training-compute",
            declared_device(one),
            known_from="hardware table" if one.tops is None else "declared",
        )
        for one in declared.hardware
    ]
    for one in declared.base:
        publishers = one.publishers or one.name.split("/")[:-1]
        items.append(
            base_item(
                one.name,
                publishers,
                [(one.name, text) for text in one.licences or [""]],
                what="",
                weights=one.weights,
                known_from="declared",
            )
        )
    items += [teacher_item(one.name, "", _facts(one, "teacher")) for one in declared.teacher]
    for kind, layer, named in (
        ("data", "deployment-data", declared.data),
        ("flow", "cross-border-flow", declared.flow),
        ("training", "training-compute", declared.training),
    ):
        items += [
            msgspec.convert(
                {
                    "layer": layer,
                    "subject": kind,
                    "name": one.name,
                    "what": "",
                    "facts": {**INHERENT.get(kind, {}), **_facts(one, kind)},
                },
                Item,
            )
            for one in named
        ]
    return items


def teacher_item(
    name: str,
    what: str,
    facts: dict[str, Value] | None = None,
    *,
    known_from: str = "declared",
) -> Item:
    """Return a teacher as an item; its provider's origin comes from the table of terms."""
    row = terms(name, known_terms())
    origin: dict[str, Value] = {} if row is None else {"publisher_origin": row.origin}
    return Item(
        layer="teacher-api",
        subject="teacher",
        name=name,
        what=what,
        facts={**origin, **(facts or {})},
        known_from=known_from,
    )


def declared_device(one: Hardware) -> Device:
    """Return a declared device: of the table, or made of its own figures.

    Raises:
        UserError: It is in no table, or its figures are no figures.
    """
    if one.tops is None and one.bits is None:
        if one.die_area is None and one.dram_bandwidth is None and one.datacentre is None:
            return device(one.name)
        found = device(one.name)
        return msgspec.structs.replace(
            found,
            die_area_mm2=one.die_area or found.die_area_mm2,
            dram_bandwidth_gb_s=one.dram_bandwidth or found.dram_bandwidth_gb_s,
            datacentre=one.datacentre or found.datacentre,
        )
    if one.tops is None or one.bits is None:
        raise UserError(
            f"{one.name}: --tops and --bits go together, as  --tops 138 --bits 8  (dense, of the "
            "bit length that gives the greatest product)"
        )
    given = {
        "--tops": one.tops,
        "--bits": one.bits,
        "--die-area": one.die_area,
        "--dram-bandwidth": one.dram_bandwidth,
    }
    for name, value in given.items():
        if value is not None and not 0 < value < float("inf"):
            raise UserError(f"{one.name}: {name} is a number above 0: got {value}")
    return Device(
        name=one.name,
        maker="",
        tops=one.tops,
        bits=one.bits,
        source=FORMULA_SOURCE,
        die_area_mm2=one.die_area,
        dram_bandwidth_gb_s=one.dram_bandwidth,
        datacentre=one.datacentre,
    )


def _facts(one: Named, kind: str) -> dict[str, Value]:
    _check(one.facts, f"[[{kind}]] {one.name}")
    return {name: _value(value) for name, value in one.facts.items()}


def _check(facts: Facts, where: str) -> None:
    unknown = sorted(set(facts) - set(QUANTITIES))
    if unknown:
        raise UserError(
            f"{where}: no fact is called {', '.join(unknown)}; there are {', '.join(QUANTITIES)}"
        )
    for name, value in facts.items():
        for word in value if isinstance(value, list) else [value]:
            if isinstance(word, str):
                _check_word(name, word, where)


def _check_word(name: str, word: str, where: str) -> None:
    """Refuse a word that no criterion could ever meet because of how it is written."""
    if word == UNKNOWN:
        return
    if name.endswith(("_country", "_headquarters", "_origin")):
        if not re.fullmatch(r"[A-Z]{2}", word):
            raise UserError(f"{where}: {name} is a country's two letters, as US: got {word!r}")
    elif name.endswith("_listed") or name == "datacentre":
        if word not in ("yes", "no"):
            raise UserError(f"{where}: {name} is yes, no or {UNKNOWN}: got {word!r}")
    else:
        known = {
            one
            for row in packaged().conditions
            if row.quantity == name
            for one in row.equals.split("|")
        }
        near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.75)
        if near and near[0] != word:
            raise UserError(
                f"{where}: {name} {word!r} is no word of the criteria: did you mean {near[0]!r}? "
                "Criteria are compared word for word"
            )


def _value(value: float | str | list[str]) -> Value:
    return tuple(value) if isinstance(value, list) else value
