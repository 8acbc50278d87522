"""Epoch AI's files: counted as the packaged tables are, and refused when they are not whole."""

import os
from datetime import date
from pathlib import Path

import pytest

from twoloops.atlas.open_models import YearCount, year_counts
from twoloops.atlas.publishers.epoch import Epoch, whole
from twoloops.atlas.publishers.port import Answer, SourceError
from twoloops.records.errors import UserError

TODAY = date(2026, 11, 23)
AT = "https://publisher.example/models.csv"
HEAD = "Model,Publication date,Country (of organization),Model accessibility,Abstract\n"
ROWS = (
    'DeepSeek-R1,2025-01-20,China,Open weights (unrestricted),"Two\nlines, a comma"\n'
    'Joint,2025-03-01,"China,United States of America,China",Open weights (restricted use),\n'
    "Qwen3-Max,2025-09-24,China,API access,\n"
    "Old,1950-07-02,United States of America,,\n"
)


def pull(offline, text, least=1, part="all", headers=None):
    body = text if isinstance(text, bytes) else text.encode()
    get = offline({AT: Answer(body, headers or {})})
    return Epoch(part, AT, least).pull(get, TODAY)


def test_open_models_are_counted_by_country_and_year(offline) -> None:
    headers = {"last-modified": "Fri, 20 Nov 2026 10:00:00 GMT"}
    pulled = pull(offline, HEAD + ROWS, headers=headers)
    counts, snapshots = pulled.tables
    assert counts.rows == [
        YearCount("all-2026-11-23", "China", 2025, 2, "epoch-all-2026-11-23"),
        YearCount("all-2026-11-23", "United States of America", 2025, 1, "epoch-all-2026-11-23"),
    ]
    (snapshot,) = snapshots.rows
    assert (snapshot.scope, snapshot.models, snapshot.open, snapshot.blank) == (
        "all models",
        4,
        2,
        1,
    )
    assert (snapshot.first, snapshot.last) == ("1950-07-02", "2025-09-24")
    assert pulled.source.published == "2026-11-20"
    assert pulled.source.licence == "CC-BY-4.0"
    assert pulled.source.credit.startswith("Epoch AI")
    assert {part.replaces for part in pulled.tables} == {""}


def test_without_a_date_of_its_own_a_file_is_of_today(offline) -> None:
    assert pull(offline, HEAD + ROWS).source.published == "2026-11-23"
    headers = {"last-modified": "yesterday"}
    assert pull(offline, HEAD + ROWS, headers=headers).source.published == "2026-11-23"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD + ROWS[:-8], "line 6 has 3 cells, the header 5: the file is broken or cut off"),
        (HEAD + 'A,2025-01-01,China,"Open wei', "is not CSV (unexpected end of data): the file is"),
        (HEAD + "A,March 2025,China,,\n", "of 'A' is 'March 2025', not a day such as 2025-03-14"),
        (b"Model,\xff\xfe\n", "the file is not UTF-8 text (byte 6)"),
        (HEAD + "A,2025-01-01,China,API access,\n", "only 0 open models with country and date"),
    ],
)
def test_a_broken_file_is_refused_with_the_place(offline, text, says) -> None:
    with pytest.raises(SourceError) as caught:
        pull(offline, text)
    assert says in str(caught.value)


def test_a_changed_schema_names_the_column_that_is_missing(offline) -> None:
    text = (HEAD + ROWS).replace("Model accessibility", "Weights")
    with pytest.raises(UserError, match=r"has no column 'Model accessibility'; it has Model, Pub"):
        pull(offline, text)


def test_a_stump_is_refused(offline) -> None:
    with pytest.raises(SourceError, match=r"^only 4 models were found, at least 1,500 are expec"):
        pull(offline, HEAD + ROWS, least=1500)


def test_an_empty_line_is_no_broken_row() -> None:
    whole("a,b\n1,2\n\n")


@pytest.mark.data
@pytest.mark.parametrize(
    ("part", "file", "packaged"),
    [
        ("all", "all_ai_models_2025-04.csv", "all-2025-04"),
        ("notable", "notable_ai_models_2025-12.csv", "notable-2025-12"),
        ("notable", "notable_ai_models_2026-07.csv", "notable-2026-07"),
        ("large", "large_scale_ai_models_2025-12.csv", "large-2025-12"),
    ],
)
def test_the_real_files_give_the_packaged_counts(offline, part, file, packaged) -> None:
    path = Path(os.environ.get("TWOLOOPS_DATA", "")) / "atlas" / "epoch" / file
    if not path.is_file():
        pytest.skip("the published files are not here: TWOLOOPS_DATA names their folder")
    pulled = pull(offline, path.read_bytes(), least=200, part=part)
    got = {(row.country, row.year): row.models for row in pulled.tables[0].rows}
    rows = [row for row in year_counts() if row.snapshot == packaged]
    assert got == {(row.country, row.year): row.models for row in rows}
