"""A shelf with vintages of made-up publishers."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from twoloops.atlas import shelving
from twoloops.atlas.prices import Price
from twoloops.atlas.publishers.port import Fetched, Filled, Pulled
from twoloops.atlas.tables import Source
from twoloops.atlas.vintages import Kept

Keep = Callable[..., Kept]


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Where the vintages go; not there yet."""
    return tmp_path / "cache" / "atlas"


@pytest.fixture
def keep(shelf: Path) -> Keep:
    """Return a function that keeps a vintage of one price."""

    def keeping(day: str, price: float = 1.0, publisher: str = "model-prices") -> Kept:
        when = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC)
        return shelving.keep(shelf, publisher, priced(day, price, publisher), when)[0]

    return keeping


def priced(day: str, price: float = 1.0, publisher: str = "model-prices") -> Pulled:
    """What a publisher of one price answers."""
    source = Source(f"{publisher}-{day}", "P", "prices", "https://p.example", day, "MIT", "file")
    row = Price("openai", "gpt-5.2", price, 8 * price, "documented", source.id, since=day)
    body = f"{price}".encode()
    file = Fetched("prices.json", "https://p.example/prices.json", body)
    return Pulled(source, (file,), (Filled("prices", [row], f"{publisher}-"),))
