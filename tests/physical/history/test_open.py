"""Sources by name; licences; periods; what the seed and the turns need."""

from pathlib import Path

import pytest

from twoloops.physical.history.guess import looks_normal, parse_time, prefixes
from twoloops.physical.history.open import open_history
from twoloops.physical.history.options import Mapping, Plan
from twoloops.records.errors import UserError


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(rows: int = 90, period: int = 30) -> None:
    lines = ["note,mode,batch,part"]
    lines += [f"text {i},{'ab'[i % 2]},b{i // period},p{i // 2}" for i in range(rows)]
    Path("a.csv").write_text("\n".join(lines))


SAID = Mapping(text="note", label="mode")


def test_an_unknown_source_is_named_with_what_there_is() -> None:
    with pytest.raises(UserError) as caught:
        open_history("escavators")
    assert str(caught.value) == (
        "there is no source 'escavators': give excavators, solar-cells, a folder of images, or a "
        ".csv, .parquet or .npz file"
    )
    Path("a.xlsx").write_text("x")
    with pytest.raises(UserError, match=r"^a\.xlsx: the suffix '\.xlsx' is not read: give a fold"):
        open_history("a.xlsx")


def test_solar_cells_need_their_licence_accepted() -> None:
    with pytest.raises(UserError) as caught:
        open_history("solar-cells")
    assert "CC BY-NC-SA 4.0" in str(caught.value)
    assert str(caught.value).endswith("to accept and fetch 91 MB, add --accept-licence")


def test_a_period_column_makes_the_turns() -> None:
    write()
    said = Mapping(text="note", label="mode", period="batch", origin="part")
    history = open_history("a.csv", Plan(seed_size=10), said)
    assert [(turn[0].period, len(turn)) for turn in history.turns] == [
        ("b0", 20),
        ("b1", 30),
        ("b2", 30),
    ]
    assert history.seed[0].period == "b0"
    assert history.turns[0][0].origin == "p5"
    assert history.command.endswith(
        "--period batch --origin part --labels-per-turn 5 --seed-size 10"
    )
    with pytest.raises(
        UserError, match="the period column has 3 values, --turns says 5: leave one"
    ):
        open_history("a.csv", Plan(seed_size=10, turns=5), said)


def test_too_few_rows_say_what_would_do() -> None:
    write(rows=30)
    with pytest.raises(UserError, match="the seed takes 30 of 30 labelled rows"):
        open_history("a.csv", Plan(), SAID)
    with pytest.raises(UserError) as caught:
        open_history("a.csv", Plan(seed_size=10, turns=21), SAID)
    assert str(caught.value) == (
        "a.csv: 20 rows remain after the seed, too few for 21 turns: give --turns 20 or less, or "
        "more rows"
    )
    with pytest.raises(UserError, match="--turns is at least 1: got 0"):
        Plan(turns=0)


def test_the_seed_is_lengthened_until_two_labels_occur() -> None:
    lines = ["note,mode", *(f"text {i},{'a' if i < 12 else 'ab'[i % 2]}" for i in range(100))]
    Path("a.csv").write_text("\n".join(lines))
    history = open_history("a.csv", Plan(seed_size=5), SAID)
    assert len(history.seed) == 14
    assert history.caveats[0] == ("the seed has 14 rows, not 5: before that only one label occurs")


def test_a_normal_label_must_occur_and_costs_are_said() -> None:
    write()
    with pytest.raises(UserError, match="--normal 'fine' is no label of task 'a': choose one of"):
        open_history("a.csv", Plan(normal="fine"), SAID)
    assert open_history("a.csv", Plan(normal="a"), SAID).caveats == (
        "no costs were given: an escape, a false reject and a label count as 1 each",
    )
    with pytest.raises(UserError, match=r"a\.csv has no times: name their column with --time"):
        open_history("a.csv", Plan(order="time"), SAID)


def test_times_are_read_in_the_ways_named_and_day_month_year_must_be_said() -> None:
    first = parse_time("2004-07-31T12:00:00+02:00")
    assert first is not None
    assert first.isoformat() == "2004-07-31T10:00:00+00:00"
    assert parse_time("31.07.2004 12:00") == parse_time("2004-07-31 12:00")
    assert parse_time("03/04/2004") is None
    assert parse_time("03/04/2004", "%d/%m/%Y") == parse_time("2004-04-03")
    assert parse_time(86400) == parse_time("1970-01-02")


def test_guesses_of_names() -> None:
    assert looks_normal(["OK", "good"]) is None
    assert looks_normal(["No_Fault", "x"]) == "No_Fault"
    assert prefixes(["1", "0", "x"]) == {"": ["0", "1"]}
