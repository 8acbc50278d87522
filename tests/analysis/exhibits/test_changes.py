"""What a refresh changes in the exhibits' figures."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from twoloops.analysis.exhibits.changes import changes_between
from twoloops.atlas import shelving, vintages
from twoloops.atlas.hub import HubModel, article_models
from twoloops.atlas.open_models import Snapshot, YearCount
from twoloops.atlas.prices import Price, prices
from twoloops.atlas.publishers.port import Filled, Pulled
from twoloops.atlas.tables import Source

NOW = datetime(2027, 1, 10, tzinfo=UTC)


def kept(shelf: Path, publisher: str, *tables: Filled) -> None:
    source = Source(f"{publisher}-2027-01-10", "P", "", "", "2027-01-10", "MIT", "file")
    shelving.keep(shelf, publisher, Pulled(source, (), tables), NOW)


def figures(before, after):
    return {(one.exhibit, one.name): one for one in changes_between(before, after).figures}


def test_the_packaged_figures_are_those_of_the_packaged_tables() -> None:
    found = figures(vintages.View(), vintages.View())
    assert found["price", "GPT-5.2"].after == pytest.approx(4.8125)
    assert found["price", "GPT-5.2 / Kimi K2.5"].after == pytest.approx(4.8125 / 1.2)
    assert found["open-models", "China, all models"].after == 153
    assert found["open-models", "United States, all models"].after == 357
    share = found["open-models", "China's part of both, all models"]
    assert share.after == pytest.approx(100 * 153 / 510)
    assert share.unit == "%"
    assert found["downloads", "the article's ten models"].after is None
    assert found["downloads", "derivatives of 9 of these"].after == 12_280
    assert all(one.before == one.after and one.definition for one in found.values())


def test_a_new_price_moves_the_price_and_the_ratio(tmp_path: Path) -> None:
    rows = [row for row in prices() if row.source.startswith("model-prices-")]
    source = "model-prices-2027-01-10"
    rows.append(Price("moonshotai", "kimi-k2.5", 0.3, 1.5, "documented", source, "2027-01-01"))
    kept(tmp_path, "model-prices", Filled("prices", rows, "model-prices-"))
    before, after = vintages.View(), vintages.view(tmp_path)
    found = figures(before, after)
    assert found["price", "Kimi K2.5"].before == pytest.approx(1.2)
    assert found["price", "Kimi K2.5"].after == pytest.approx(0.6)
    assert found["price", "GPT-5.2 / Kimi K2.5"].after == pytest.approx(4.8125 / 0.6)
    back = figures(after, before)
    assert back["price", "Kimi K2.5"].after == found["price", "Kimi K2.5"].before


def test_a_model_that_is_no_longer_listed_has_no_price(tmp_path: Path) -> None:
    gone = [row for row in prices() if row.model != "kimi-k2.5"]
    rows = [row for row in gone if row.source.startswith("model-prices-")]
    kept(tmp_path, "model-prices", Filled("prices", rows, "model-prices-"))
    found = figures(vintages.View(), vintages.view(tmp_path))
    assert found["price", "Kimi K2.5"].after is None
    assert found["price", "GPT-5.2 / Kimi K2.5"].after is None


def test_the_snapshot_that_ends_last_is_counted(tmp_path: Path) -> None:
    source = "epoch-all-2027-01-10"
    counts = [
        YearCount("all-2027-01-10", "China", 2025, 300, source),
        YearCount("all-2027-01-10", "United States of America", 2025, 100, source),
    ]
    head = Snapshot("all-2027-01-10", "all models", "1950", "2027-01-02", 4000, 400, 9, source)
    tables = (Filled("open_models", counts, ""), Filled("open_model_snapshots", [head], ""))
    kept(tmp_path, "epoch-all", *tables)
    found = figures(vintages.View(), vintages.view(tmp_path))
    assert found["open-models", "China, all models"].after == 300
    assert found["open-models", "China's part of both, all models"].after == 75
    assert found["open-models", "China, notable models"].after == 91


def test_sums_over_models_are_known_only_where_no_model_is_missing(tmp_path: Path) -> None:
    def hub(shelf: Path, names: list[str]) -> dict[str, float | None]:
        rows = [HubModel(name, 10, "hugging-face-2027", derivatives=3) for name in names]
        kept(shelf, "hugging-face", Filled("hub_models", rows, ""))
        found = figures(vintages.View(), vintages.view(shelf))
        return {name: one.after for (exhibit, name), one in found.items() if exhibit == "downloads"}

    ten = list(article_models())
    assert hub(tmp_path / "all", [*ten, "another/model"]) == {
        "the article's ten models": 100,
        "derivatives of 9 of these": 27,
    }
    # Without the first one, of which the article gives no derivatives.
    assert hub(tmp_path / "nine", ten[1:]) == {
        "the article's ten models": None,
        "derivatives of 9 of these": 27,
    }
    assert hub(tmp_path / "eight", ten[2:])["derivatives of 9 of these"] is None


def test_nothing_fetched_is_said_so(tmp_path: Path) -> None:
    found = changes_between(vintages.View(), vintages.view(tmp_path))
    assert (found.fetched, found.before, found.after) == (0, "packaged", "newest")
