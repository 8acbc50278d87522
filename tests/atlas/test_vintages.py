"""Views: which rows a table has at which time, and what is said of damage."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from twoloops.atlas import shelving, vintages
from twoloops.atlas.hub import HubModel
from twoloops.atlas.open_models import Snapshot, snapshots
from twoloops.atlas.prices import Price, prices
from twoloops.atlas.publishers.port import Filled, Pulled
from twoloops.atlas.tables import Source, sources
from twoloops.records.errors import UserError

LATER, LATEST = "2027-01-10", "2027-03-01"
"""Days after this release's own tables."""


def of(rows, publisher):
    return [row for row in rows if row.source.startswith(publisher)]


def test_without_vintages_the_packaged_rows_are_read(shelf: Path) -> None:
    rows, reading = vintages.view(shelf).read("prices", Price)
    assert rows == prices()
    assert reading == ("prices", ())
    assert reading.date == "packaged"
    assert vintages.view(shelf).sources() == sources()


def test_a_vintage_stands_in_for_the_packaged_rows_of_its_publisher_alone(keep, shelf) -> None:
    keep(LATER, 2.0)
    rows, reading = vintages.view(shelf).read("prices", Price)
    assert [(row.model, row.input) for row in of(rows, "model-prices-")] == [("gpt-5.2", 2.0)]
    assert of(rows, "genai-prices-") == of(prices(), "genai-prices-") != []
    assert reading.date == LATER
    assert vintages.view(shelf).sources()[f"model-prices-{LATER}"].published == LATER


def test_rows_that_replace_nothing_stand_beside_the_packaged_ones(shelf: Path) -> None:
    source = Source(f"epoch-all-{LATER}", "Epoch AI", "", "", LATER, "CC-BY-4.0", "file")
    row = Snapshot("all-new", "all models", "1950", LATER, 3000, 900, 800, source.id)
    pulled = Pulled(source, (), (Filled("open_model_snapshots", [row], ""),))
    shelving.keep(shelf, "epoch-all", pulled, datetime(2027, 1, 10, tzinfo=UTC))
    rows, _ = vintages.view(shelf).read("open_model_snapshots", Snapshot)
    assert rows == (*snapshots(), row)


def test_packaged_rows_that_are_newer_than_the_vintage_stay(keep, shelf) -> None:
    published = sources()[of(prices(), "model-prices-")[0].source].published
    keep("2020-01-01", 2.0)
    assert published > "2020-01-01"
    rows, reading = vintages.view(shelf).read("prices", Price)
    assert rows == prices()
    assert reading.vintages == ()


def test_a_date_reads_what_was_in_use_at_its_end(keep, shelf) -> None:
    keep(LATER, 2.0)
    keep(LATEST, 3.0)

    def price(when):
        rows = of(vintages.view(shelf, when).rows("prices", Price), "model-prices-")
        return [row.input for row in rows]

    assert price(LATER) == price("2027-02-28") == [2.0]
    assert price(LATEST) == price("newest") == price("2030-01-01") == [3.0]
    assert price("packaged") == [row.input for row in of(prices(), "model-prices-")]


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ("yesterday", "'yesterday' is no vintage: name a date such as 2026-11-23, 'newest' or 'pa"),
        ("2026-02-30", "'2026-02-30' is no vintage: name a date"),
        ("2026-01-01", "there is no vintage of 2026-01-01 or before (the first one is of 2027-01-"),
    ],
)
def test_a_time_that_cannot_be_read_or_met_is_refused(keep, shelf, when, says) -> None:
    keep(LATER)
    with pytest.raises(UserError) as caught:
        vintages.view(shelf, when)
    assert str(caught.value).startswith(says)


def test_an_empty_shelf_has_no_dates(shelf: Path) -> None:
    with pytest.raises(UserError, match=r"or before \(none has been fetched yet\): name a later "):
        vintages.view(shelf, LATER)


def test_a_table_that_is_only_fetched_says_how_to_fetch_it(shelf: Path) -> None:
    with pytest.raises(UserError) as caught:
        vintages.view(shelf).rows("hub_models", HubModel)
    assert str(caught.value) == (
        "the table 'hub_models' is fetched, not packaged: run  twoloops exhibits refresh"
    )


def test_a_changed_file_is_refused_with_what_to_do(keep, shelf) -> None:
    kept = keep(LATER)
    path = kept.folder / "prices.csv"
    path.chmod(0o644)
    path.write_text(path.read_text().replace("1.0", "9.0"))
    with pytest.raises(UserError) as caught:
        vintages.view(shelf).read("prices", Price)
    assert str(caught.value).startswith(
        f"the vintage in {kept.folder} is damaged (prices.csv: it has sha256 "
    )
    assert str(caught.value).endswith(
        "was written): delete that folder and run  twoloops exhibits refresh"
    )


def test_a_missing_table_and_a_broken_record_are_refused(keep, shelf) -> None:
    kept = keep(LATER)
    os.unlink(kept.folder / "prices.csv")
    with pytest.raises(UserError, match=r"is damaged \(prices\.csv: No such file or directory\)"):
        vintages.view(shelf).read("prices", Price)
    record = kept.folder / "vintage.json"
    record.chmod(0o644)
    record.write_bytes(record.read_bytes()[:100])
    with pytest.raises(UserError, match=r"is damaged \(vintage\.json: Input data was truncated\)"):
        vintages.vintages(shelf)


def test_the_record_of_a_newer_release_is_not_guessed_at(keep, shelf) -> None:
    kept = keep(LATER)
    record = kept.folder / "vintage.json"
    record.chmod(0o644)
    newer = msgspec.structs.replace(kept.vintage, format=9)
    record.write_bytes(msgspec.json.encode(newer))
    with pytest.raises(UserError, match=r"is of format 9, this release reads 1: update twoloops"):
        vintages.view(shelf)


def test_ages_are_said_in_the_unit_that_fits(keep) -> None:
    vintage = keep(LATER).vintage
    said = [
        vintages.age(vintage, vintage.fetched + timedelta(hours=hours))
        for hours in (0.5, 1, 47, 48, 24 * 400)
    ]
    assert said == ["less than an hour", "1 hour", "47 hours", "2 days", "400 days"]
