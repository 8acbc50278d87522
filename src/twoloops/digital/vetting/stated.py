"""What is stated of a base, and where: licence, publisher, revision, what it was made from.

A card's head is YAML. Only the few flat keys needed here are read, by ourselves: a hostile card
can make a YAML reader work without end, and what it does not state plainly is unknown.
"""

import json
import re
from collections.abc import Iterable
from importlib.metadata import Distribution
from pathlib import Path
from typing import NamedTuple

from twoloops.digital.vetting.book import shown
from twoloops.records.base import Ancestor, BaseCard

UNKNOWN = "unknown"
HEAD = 1 << 16
"""Bytes of a card in which its head has to end."""
LINE = re.compile(r"([A-Za-z_]+):[ \t]*(.*)")
ITEM = re.compile(r"[ \t]*-[ \t]+(.+)")
OWN = "builtin/"
"""Features, which are made from nothing."""
RELATIONS = {
    "finetune": "fine-tuned from",
    "adapter": "adapter of",
    "merge": "merged from",
    "quantized": "quantised from",
}
COMMIT = re.compile(r"[0-9a-f]{40}")


class Stated(NamedTuple):
    """What is stated, each `unknown` where nothing is.

    Attributes:
        licence: SPDX expression or another name.
        where: What states the licence.
        publisher: Who published it.
        origin: The publisher's country as stated; `unknown` lets the table answer.
        revision: What pins it.
        lineage: What it was made from, nearest first.
        complete: Whether it has no other past than `lineage`, as features have none.
    """

    licence: str = UNKNOWN
    where: str = "nothing states it"
    publisher: str = UNKNOWN
    origin: str = UNKNOWN
    revision: str = UNKNOWN
    lineage: tuple[Ancestor, ...] = ()
    complete: bool = False


def joined(first: Stated | None, rest: Stated) -> Stated:
    """Return what is stated in two places, the first one's word before the other's.

    The licence is the exception: a folder's own card goes with its files, so it comes before what
    a catalogue says of them.
    """
    if first is None:
        return rest
    own = rest if rest.licence != UNKNOWN else first

    def known(one: str, other: str) -> str:
        return one if one != UNKNOWN else other

    return Stated(
        licence=own.licence,
        where=own.where,
        publisher=known(first.publisher, rest.publisher),
        origin=known(first.origin, rest.origin),
        revision=known(first.revision, rest.revision),
        lineage=first.lineage or rest.lineage,
        complete=first.complete or rest.complete,
    )


def of_card(card: BaseCard) -> Stated:
    """Return what a base's own card states."""
    parts = card.parts or (card.name,)
    return Stated(
        card.licence,
        f"the card of {card.name}",
        card.publisher,
        card.origin,
        card.revision,
        card.lineage,
        complete=bool(card.lineage) or all(part.startswith(OWN) for part in parts),
    )


def of_package(found: Distribution) -> Stated:
    """Return what an installed package's metadata states."""
    data = found.metadata
    candidates = [data[key].strip() for key in ("License-Expression", "License") if key in data]
    licence = next((text for text in candidates if text and text.casefold() != UNKNOWN), "")
    name = f"{data['Name']}=={data['Version']}"
    if not licence or "\n" in licence or len(licence) > 100:
        return Stated(where=f"the metadata of {name} states none", revision=name)
    return Stated(licence, f"the metadata of {name}", revision=name)


def of_folder(folder: Path, files: Iterable[str]) -> Stated:
    """Return what a folder's card states.

    Args:
        folder: The private copy.
        files: What is in it; only `README.md` and what huggingface_hub notes beside a download
            are read.
    """
    names = set(files)
    head = front_matter(_head(folder / "README.md")) if "README.md" in names else {}
    licence = (head.get("license") or [UNKNOWN])[0]
    if licence.casefold() == "other" and head.get("license_name"):
        licence = head["license_name"][0]
    bases = head.get("base_model", [])
    relation = (head.get("base_model_relation") or [""])[0]
    ancestors = [
        Ancestor(
            name=one,
            relation=RELATIONS.get(relation, "made from"),
            publisher=one.split("/")[0] if "/" in one else UNKNOWN,
            licence=UNKNOWN,
            source="README.md",
        )
        for one in bases
    ]
    data = [
        Ancestor(
            name=one, relation="trained on", publisher=UNKNOWN, licence=UNKNOWN, source="README.md"
        )
        for one in head.get("datasets", [])
    ]
    return Stated(
        licence=licence,
        where="README.md" if licence != UNKNOWN else "nothing in the folder states it",
        publisher=_publisher(folder, names),
        revision=_revision(folder, names),
        lineage=(*ancestors, *data),
        complete=bool(ancestors),
    )


def front_matter(text: str) -> dict[str, list[str]]:
    r"""Return the flat keys of a card's head, each with its texts.

    >>> front_matter('---\nlicense: mit\nbase_model:\n- a/b\n- "c"\n---\n# Title')
    {'license': ['mit'], 'base_model': ['a/b', 'c']}
    """
    lines = text.splitlines()
    if not lines or lines[0].strip() != "---":
        return {}
    found: dict[str, list[str]] = {}
    key = None
    for line in lines[1:]:
        if line.strip() == "---":
            return found
        if match := LINE.fullmatch(line):
            key = match[1]
            value = match[2].strip()
            inline = value.startswith("[") and value.endswith("]")
            texts = value[1:-1].split(",") if inline else [value]
            found[key] = [_plain(one) for one in texts if _plain(one)]
        elif key is not None and (match := ITEM.fullmatch(line)) and ": " not in match[1]:
            found[key].append(_plain(match[1]))
    return {}


def _plain(text: str) -> str:
    cut = text.strip()
    bare = cut[1:-1] if len(cut) > 1 and cut[0] == cut[-1] and cut[0] in "'\"" else cut
    return shown(bare)[1:-1]


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(HEAD).decode("utf-8", "replace")


def _revision(folder: Path, names: set[str]) -> str:
    """Return the commit that huggingface_hub noted beside each file, if it is one for all."""
    notes = [one for one in names if one.startswith(".cache/huggingface/download/")]
    commits = {_head(folder / one).partition("\n")[0] for one in notes if one.endswith(".metadata")}
    commit = commits.pop() if len(commits) == 1 else ""
    return commit if COMMIT.fullmatch(commit) else UNKNOWN


def _publisher(folder: Path, names: set[str]) -> str:
    """Return the organisation of `_name_or_path`, where a configuration has one."""
    if "config.json" not in names or (folder / "config.json").stat().st_size > HEAD:
        return UNKNOWN
    try:
        name = json.loads((folder / "config.json").read_bytes())["_name_or_path"]
        organisation, slash, rest = str(name).partition("/")
    except (ValueError, KeyError, TypeError, RecursionError):
        return UNKNOWN
    plain = organisation and organisation.isprintable() and not organisation.startswith((".", "~"))
    return _plain(organisation) if slash and plain and "/" not in rest else UNKNOWN
