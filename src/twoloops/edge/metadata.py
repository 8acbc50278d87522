"""What an ONNX file says of itself in its `metadata_props`: preprocess record, assets, card.

Law: what `to_properties` writes, `preprocess_of`, `assets_of` and `card_of` read back equal.
"""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from twoloops.records.base import ModelCard
from twoloops.records.digests import Digest, canonical, digest_bytes, short
from twoloops.records.errors import UserError
from twoloops.records.preprocess import Preprocess

PREPROCESS = "twoloops.preprocess"
"""JSON of a `records.preprocess.Preprocess`."""
ASSET = "twoloops.asset."
"""Prefix of an asset's key; its digest follows, its text is the value."""
CARD = "twoloops.card"
"""JSON of a `records.base.ModelCard`; deployed models have one, bases do not."""
HIGHEST_VERSION = 1
"""The highest version of the preprocess record that this code understands."""

Record = TypeVar("Record")


class _Versioned(msgspec.Struct):
    version: int = 1


def to_properties(
    preprocess: Preprocess, assets: Mapping[Digest, str], card: ModelCard | None = None
) -> dict[str, str]:
    """Return the `metadata_props` entries of a model file.

    Args:
        preprocess: How raw inputs become the graph's tensors.
        assets: Texts that the steps name by digest.
        card: The model's card; `None` for a base.
    """
    properties = {PREPROCESS: canonical(preprocess).decode()}
    properties |= {ASSET + digest: assets[digest] for digest in sorted(assets)}
    if card is not None:
        properties[CARD] = canonical(card).decode()
    return properties


def preprocess_of(properties: Mapping[str, str]) -> Preprocess:
    """Read the preprocess record.

    Raises:
        UserError: When it is missing, of an unknown version, or not what the version says.
    """
    text = _value(properties, PREPROCESS)
    version = _decode(text, _Versioned, PREPROCESS).version
    if not 1 <= version <= HIGHEST_VERSION:
        raise UserError(
            f"the model's {PREPROCESS!r} record has version {version}, and this twoloops "
            f"understands versions up to {HIGHEST_VERSION}: upgrade twoloops on this machine"
        )
    return _decode(text, Preprocess, PREPROCESS)


def assets_of(properties: Mapping[str, str]) -> dict[Digest, str]:
    """Read the assets, each checked against the digest that names it.

    Raises:
        UserError: When an asset is not what its digest says.
    """
    assets = {}
    for key, text in properties.items():
        if key.startswith(ASSET):
            digest = key.removeprefix(ASSET)
            found = digest_bytes(text.encode())
            if found != digest:
                raise UserError(
                    f"the model's asset {short(digest)} has digest {short(found)}: "
                    "the file was changed after it was made, get it again"
                )
            assets[digest] = text
    return assets


def card_of(properties: Mapping[str, str]) -> ModelCard:
    """Read the model's card.

    Raises:
        UserError: When it is missing or unreadable.
    """
    return _decode(_value(properties, CARD), ModelCard, CARD)


def _value(properties: Mapping[str, str], key: str) -> str:
    if key not in properties:
        raise UserError(
            f"the model file has no {key!r} entry in its metadata_props (it has "
            f"{sorted(name[:40] for name in properties)}): use a file that twoloops exported"
        )
    return properties[key]


def _decode(text: str, record: type[Record], key: str) -> Record:
    try:
        return msgspec.json.decode(text, type=record)
    except msgspec.DecodeError as error:
        raise UserError(
            f"the model's {key!r} entry cannot be read ({error}): use a file that twoloops exported"
        ) from error
