"""Refreshes the atlas from its publishers: the only place that knows where they are."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from twoloops.atlas import shelving
from twoloops.atlas.publishers.epoch import Epoch
from twoloops.atlas.publishers.genai_prices import GenaiPrices
from twoloops.atlas.publishers.hub import Hub
from twoloops.atlas.publishers.model_prices import ModelPrices
from twoloops.atlas.publishers.models_dev import ModelsDev
from twoloops.atlas.publishers.port import (
    Filled,
    Get,
    Publisher,
    Pulled,
    SourceError,
    UnreachableError,
)
from twoloops.atlas.vintages import NEWEST, View, Vintage, age, view, vintages
from twoloops.records.errors import UserError
from twoloops.store.fetch import default_cache

ENDPOINTS = {
    "epoch-all": "https://epoch.ai/data/all_ai_models.csv",
    "epoch-notable": "https://epoch.ai/data/notable_ai_models.csv",
    "epoch-large": "https://epoch.ai/data/large_scale_ai_models.csv",
    "hugging-face": "https://huggingface.co",
    "model-prices": "https://raw.githubusercontent.com/wakamex/model-prices/data/v1/",
    "genai-prices": "https://raw.githubusercontent.com/pydantic/genai-prices/main/prices/data.json",
    "models-dev": "https://models.dev/",
}
"""Where each publisher's data is read, by the publisher's short name."""

SHRUNK = 0.5
"""A table that falls below this share of its rows in the last vintage is taken for broken."""

Tell = Callable[[str], None]


class Outcome(msgspec.Struct, frozen=True):
    """What came of one publisher.

    Args:
        publisher: Its short name.
        state: `new` (kept as a new vintage), `unchanged` (the very same files as before) or
            `failed`.
        address: Where it was read.
        why: The reason of a failure.
        unreachable: Whether nothing answered at all.
        day: Of the vintage in use now; `None` where there is none and the packaged tables stay.
        age: Of that vintage, in words.
        published: Date of the publisher's data in it.
        rows: Of its tables, by name.
        notes: What a reader should know of it.
    """

    publisher: str
    state: str
    address: str
    why: str = ""
    unreachable: bool = False
    day: str | None = None
    age: str = ""
    published: str = ""
    rows: dict[str, int] = {}
    notes: tuple[str, ...] = ()


def shelf(cache: Path | None = None) -> Path:
    """Return the folder of the vintages below the cache of fetched files."""
    return (cache or default_cache()) / "atlas"


def tables(when: str = NEWEST, cache: Path | None = None) -> View:
    """Return the atlas's tables as they stood; see `atlas.vintages.view`."""
    return view(shelf(cache), when)


def endpoints(said: Iterable[str] = (), environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return where each publisher is read.

    Args:
        said: Texts `NAME=URL` that replace an address.
        environ: Environment; `HF_ENDPOINT` names another Hub, as Hugging Face's own tools read it.

    Raises:
        UserError: A text is no `NAME=URL` of a known name.
    """
    found = dict(ENDPOINTS)
    if hub := environ.get("HF_ENDPOINT", "").strip():
        found["hugging-face"] = hub
    for text in said:
        name, _, url = text.partition("=")
        if name not in found or not url.startswith(("http://", "https://")):
            raise UserError(
                f"cannot read --endpoint {text!r}: write NAME=URL with a URL of http or https and "
                f"one of the names {', '.join(found)}"
            )
        # These are folders; a forgotten slash at the end must not change the file's name.
        found[name] = url.rstrip("/") + "/" if ENDPOINTS[name].endswith("/") else url
    return found


def publishers(at: Mapping[str, str], only: Sequence[str] = ()) -> tuple[Publisher, ...]:
    """Return the publishers' adapters.

    Args:
        at: Address by name.
        only: Names of those wanted; none for all.

    Raises:
        UserError: A name is not known.
    """
    unknown = [name for name in only if name not in at]
    if unknown:
        raise UserError(f"no source is called {unknown[0]!r}: name some of {', '.join(at)}")
    made: tuple[Publisher, ...] = (
        Epoch("all", at["epoch-all"], least=1500),
        Epoch("notable", at["epoch-notable"], least=500),
        Epoch("large", at["epoch-large"], least=200),
        Hub(at["hugging-face"]),
        ModelPrices(at["model-prices"]),
        GenaiPrices(at["genai-prices"]),
        ModelsDev(at["models-dev"]),
    )
    return tuple(one for one in made if not only or one.name in only)


def refresh(
    wanted: Iterable[Publisher],
    get: Get,
    folder: Path,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    tell: Tell = lambda _: None,
) -> list[Outcome]:
    """Fetch each publisher's data and keep what is new as a vintage.

    A publisher that fails changes nothing: its last vintage stays, and the others go on.

    Args:
        wanted: Whom to ask.
        get: Reads an address.
        folder: Where the vintages are kept.
        clock: Says what time it is, in UTC.
        tell: Told in a sentence what is being done.
    """
    outcomes = []
    for publisher in wanted:
        tell(f"{publisher.name}: reading {publisher.address} …")
        outcomes.append(_one(publisher, get, folder, clock()))
    return outcomes


def standing(wanted: Iterable[Publisher], folder: Path, now: datetime) -> list[Outcome]:
    """Return what is kept of each publisher, without asking it; the state is left empty."""
    return [_outcome(one, "", _last(folder, one.name), now) for one in wanted]


def _one(publisher: Publisher, get: Get, folder: Path, now: datetime) -> Outcome:
    try:
        pulled = publisher.pull(get, now.date())
        _plausible(pulled, _last(folder, publisher.name))
        kept, new = shelving.keep(folder, publisher.name, pulled, now)
    except (SourceError, UserError, OSError) as error:
        try:
            last = _last(folder, publisher.name)
        except UserError:
            last = None  # that the last vintage is damaged is what the error says
        why = f"cannot write: {error}" if isinstance(error, OSError) else str(error)
        failed = _outcome(publisher, "failed", last, now)
        unreachable = isinstance(error, UnreachableError)
        return msgspec.structs.replace(failed, why=why, unreachable=unreachable)
    return _outcome(publisher, "new" if new else "unchanged", kept.vintage, now)


def _last(folder: Path, publisher: str) -> Vintage | None:
    kept = vintages(folder, publisher)
    return kept[-1].vintage if kept else None


def _outcome(publisher: Publisher, state: str, vintage: Vintage | None, now: datetime) -> Outcome:
    if vintage is None:
        return Outcome(publisher.name, state, publisher.address)
    return Outcome(
        publisher.name,
        state,
        publisher.address,
        day=vintage.day,
        age=age(vintage, now),
        published=vintage.source.published,
        rows={one.name: one.rows for one in vintage.tables},
        notes=vintage.notes,
    )


def _plausible(pulled: Pulled, last: Vintage | None) -> None:
    """Check that no table lost most of its rows since the last vintage, or since the release.

    Raises:
        SourceError: One did.
    """
    before = {one.name: one.rows for one in last.tables} if last else {}
    for part in pulled.tables:
        rows = before.get(part.name) or _packaged(part)
        if len(part.rows) < SHRUNK * rows:
            raise SourceError(
                f"the table {part.name} would shrink from {rows:,} rows to {len(part.rows):,}: "
                "the data looks broken"
            )


def _packaged(part: Filled) -> int:
    """Return how many packaged rows a table stands in for."""
    if not part.replaces or not part.rows:
        return 0
    try:
        rows = View().rows(part.name, type(part.rows[0]))
    except UserError:
        return 0  # it is fetched only
    return sum(str(getattr(row, "source", "")).startswith(part.replaces) for row in rows)
