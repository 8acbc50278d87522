"""Croissant 1.1 metadata of an exported dataset version.

The format: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html, with the vocabulary
of its extension for responsible AI (`rai:`). Nothing is stated that the workspace does not know or
the person who exports has not said.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import msgspec

from twoloops.physical.exchange.rows import INPUTS, MEDIA
from twoloops.physical.exchange.versions import Version
from twoloops.records.digests import short
from twoloops.records.task import Task

CONFORMS_TO = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
NOT_STATED = "unknown: not stated"

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that the specification recommends."""

SPLITS = {"train": "cr:TrainingSplit", "golden": "cr:TestSplit", "audit": "cr:TestSplit"}

_FIELDS = {
    "input": ("sc:Text", "SHA-256 of the input's bytes"),
    "file": ("sc:Text", "where these lie in the folder; empty where they were forgotten"),
    "text": ("sc:Text", "the input itself; empty where it was forgotten"),
    "label": ("sc:Text", "what the labellers agreed on"),
    "split": ("sc:Text", "train; golden, which never trains; audit, this turn's evidence"),
    "turn": ("sc:Integer", "the turn that asked for the label; 0 is the first"),
    "judges": ("sc:Boolean", "whether its chance is known, so that it may serve as evidence"),
    "probability": ("sc:Float", "the known chance with which its turn asked for this label"),
    "group": ("sc:Text", "near duplicates and items of one origin share it"),
    "labellers": ("sc:Text", "who gave a label, separated by semicolons"),
}


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """What only a person can say of a dataset.

    Args:
        licence: SPDX expression or address of a licence.
        creator: Whose dataset it is.
        url: Where it is published.
    """

    licence: str | None = None
    creator: str | None = None
    url: str | None = None


def metadata(
    task: Task,
    version: Version,
    stated: Stated,
    files: Mapping[str, bytes],
    suffixes: set[str],
    columns: list[str],
) -> bytes:
    """Return `croissant.json`.

    Args:
        task: The task.
        version: Which version of its dataset.
        stated: What was said of it.
        files: The tables, by name.
        suffixes: Suffixes of the files in `inputs/`.
        columns: Names of the tables' columns.
    """
    body = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": f"{version.task}-{short(version.digest)}",
        "description": description(task, version),
        "conformsTo": list(CONFORMS_TO),
        "citeAs": citation(version),
        "license": stated.licence or NOT_STATED,
        "creator": {"@type": "sc:Organization", "name": stated.creator or NOT_STATED},
        "url": stated.url or "README.md",
        "version": number(version),
        **_dated(version),
        "keywords": [task.kind, "classification", "twoloops"],
        **_responsible(version),
        "distribution": [
            *(_file(name, data) for name, data in files.items()),
            *(_file_set(suffix) for suffix in sorted(suffixes)),
        ],
        "recordSet": [*_enumerations(version), _items(version, columns), *_images(suffixes)],
    }
    return (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode()


def number(version: Version) -> str:
    """Return a version's number: the turn, because labels and splits of items may change with it.

    The build is the digest's first digits (Semantic Versioning 2.0.0, 10).
    """
    return f"{max(version.turn, 0)}.0.0+{short(version.digest)}"


def description(task: Task, version: Version) -> str:
    """Say in a sentence or two what a version is."""
    splits = ", ".join(f"{count:,} {name}" for name, count in version.splits.items())
    labels = f" with one of {len(task.labels)} labels" if version.labels else ""
    return (
        f"{version.items:,} {task.kind} inputs{labels} of the task {task.name!r}: {splits}. "
        f"Frozen in turn {version.turn}; digest {version.digest}."
    )


def citation(version: Version) -> str:
    """Return a BibTeX entry that names the version by its digest, and nobody as its author."""
    year = "" if version.frozen_at is None else f", year = {{{version.frozen_at.year}}}"
    return (
        f"@misc{{{version.task}-{short(version.digest)}, title = {{Dataset {version.task}, "
        f"version {number(version)}}}{year}, note = {{{version.digest}}}}}"
    )


def limits(version: Version) -> list[str]:
    """Say what the dataset is not good for."""
    shares = _shares(version.known, version)
    chance = f"The chance with which an item was asked about is known for {shares}"
    if sum(version.known.values()) < version.items:
        chance += (
            "; the other items were chosen because they teach most, so rates computed from them "
            "are biased"
        )
    found = [
        f"{chance}.",
        f"Evidence (the column judges) are {_shares(version.judging, version)}, each weighted by "
        "1/probability, and only of models that did not learn from it; items of the split golden "
        "are kept to be compared on and never train.",
    ]
    if version.forgotten:
        found.append(
            f"{version.forgotten:,} of its {version.inputs:,} inputs were forgotten: their digests "
            "and labels are here, their bytes are missing."
        )
    return found


def _shares(counts: Mapping[str, int], version: Version) -> str:
    """Say of how many items something holds, by split.

    >>> from types import SimpleNamespace
    >>> _shares({"audit": 3}, SimpleNamespace(splits={"audit": 4, "train": 9}))
    'audit 3 of 4, train 0 of 9'
    """
    return ", ".join(
        f"{name} {counts.get(name, 0):,} of {count:,}" for name, count in version.splits.items()
    )


def _dated(version: Version) -> dict[str, str]:
    if version.frozen_at is None:
        return {}
    day = version.frozen_at.date().isoformat()
    return {"datePublished": day, "dateCreated": day}


def _responsible(version: Version) -> dict[str, Any]:
    labels = sum(version.labellers.values())
    machines = [who for who in version.labellers if who.startswith("teacher:")]
    people = any(who.startswith("person:") for who in version.labellers)
    found: dict[str, Any] = {
        "rai:dataLimitations": limits(version),
        "rai:annotationsPerItem": f"{labels / version.items:.2f}",
    }
    if machines:
        found["rai:machineAnnotationTools"] = machines
    if people:
        found["rai:personalSensitiveInformation"] = [
            "The column labellers says which person gave a label, by name or by number."
        ]
    if version.forgotten:
        found["rai:dataCollectionMissingData"] = limits(version)[-1]
    return found


def _file(name: str, data: bytes) -> dict[str, str]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{len(data)} B",
        "encodingFormat": "text/csv" if name.endswith(".csv") else "application/json",
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def _file_set(suffix: str) -> dict[str, str]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{INPUTS}-{suffix}",
        "name": f"{INPUTS}-{suffix}",
        "description": "The inputs, each named by the SHA-256 of its bytes.",
        "encodingFormat": MEDIA[suffix],
        "includes": f"{INPUTS}/*.{suffix}",
    }


def _enumerations(version: Version) -> list[dict[str, Any]]:
    """Return what splits and labels there are, as the specification wants them described."""
    splits = [{"splits/name": name, "splits/url": SPLITS.get(name, "")} for name in version.splits]
    found = [
        {
            "@type": "cr:RecordSet",
            "@id": "splits",
            "name": "splits",
            "dataType": "cr:Split",
            "key": {"@id": "splits/name"},
            "field": [
                _plain("splits/name", "sc:Text"),
                _plain("splits/url", "sc:URL"),
            ],
            "data": splits,
        }
    ]
    if version.labels:
        found.append(
            {
                "@type": "cr:RecordSet",
                "@id": "labels",
                "name": "labels",
                "dataType": "sc:Enumeration",
                "key": {"@id": "labels/name"},
                "field": [_plain("labels/name", "sc:Text")],
                "data": [{"labels/name": name} for name in version.labels],
            }
        )
    return found


def _items(version: Version, columns: list[str]) -> dict[str, Any]:
    references = {"split": "splits/name"} | ({"label": "labels/name"} if version.labels else {})
    kinds = {"split": "cr:Split", "label": "cr:Label"}
    fields = []
    for name in columns:
        type_, words = _FIELDS[name]
        field = _plain(f"items/{name}", type_) | {
            "description": words,
            "source": {
                "fileObject": {"@id": "items.json"},
                "extract": {"jsonPath": f"$[*].{name}"},
            },
        }
        if name in references:
            field["references"] = {"field": {"@id": references[name]}}
            field["dataType"] = [type_, kinds[name]]
        fields.append(field)
    return {"@type": "cr:RecordSet", "@id": "items", "name": "items", "field": fields}


def _images(suffixes: set[str]) -> list[dict[str, Any]]:
    """Return the pictures as record sets, of the forms that mlcroissant decodes."""
    return [
        {
            "@type": "cr:RecordSet",
            "@id": f"images-{suffix}",
            "name": f"images-{suffix}",
            "description": "The pictures; input and the items' input without `sha256:` are equal.",
            "field": [
                _plain(f"images-{suffix}/input", "sc:Text")
                | {
                    "source": {
                        "fileSet": {"@id": f"{INPUTS}-{suffix}"},
                        "extract": {"fileProperty": "filename"},
                        "transform": {"regex": f"(.*)\\.{suffix}$"},
                    }
                },
                _plain(f"images-{suffix}/content", "sc:ImageObject")
                | {
                    "source": {
                        "fileSet": {"@id": f"{INPUTS}-{suffix}"},
                        "extract": {"fileProperty": "content"},
                    }
                },
            ],
        }
        for suffix in sorted(suffixes & {"png", "jpg"})
    ]


def _plain(name: str, type_: str) -> dict[str, Any]:
    return {"@type": "cr:Field", "@id": name, "name": name, "dataType": type_}
