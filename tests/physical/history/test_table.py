"""CSV and Parquet of texts and of windows: what is read, and what is said of bad rows."""

from pathlib import Path

import numpy as np
import pytest

from twoloops.edge.preprocess.signal import read_window
from twoloops.physical.history.open import open_history, read
from twoloops.physical.history.options import Mapping, Plan
from twoloops.records.errors import UserError

TEXTS = ["pump leaks oil at the seal", "bolt is missing on cover", "greased as planned today"]
LABELS = ["leak", "missing", "ok"]


def write(path: Path, content: str | bytes) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def orders(count: int = 120, delimiter: str = ",") -> str:
    lines = [delimiter.join(["day", "note", "mode", "price"])]
    for i in range(count):
        day = f"2020-{12 - i * 12 // count:02d}-01"
        lines.append(delimiter.join([day, f"{TEXTS[i % 3]} no. {i}", LABELS[i % 3], str(i)]))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_columns_are_guessed_said_and_named_in_the_command(
    tmp_path: Path, delimiter: str, mark: str
) -> None:
    source = write(tmp_path / "orders.csv", mark + orders(delimiter=delimiter))
    history = open_history(source)
    assert history.task.kind == "text"
    assert history.task.labels == ("leak", "missing", "ok")
    assert history.guesses == (
        "column 'day' holds the time: its values are dates (--time)",
        "column 'note' is the input: its texts are the longest (--text)",
        "column 'mode' is the label: 3 distinct values (--label)",
        "the label 'ok' looks normal, but is not used so: say  --normal 'ok'",
    )
    assert history.command == (
        f"twoloops replay {source} --text note --label mode --time day --turns 10 "
        "--labels-per-turn 5 --seed-size 30"
    )
    assert history.task.normal is None
    assert history.task.max_false_reject_rate is None


def test_rows_come_in_order_of_time(tmp_path: Path) -> None:
    history = open_history(write(tmp_path / "orders.csv", orders()))
    times = [row.observed_at for row in history.rows()]
    assert times == sorted(times)
    assert len(history.seed) == 30
    assert [len(turn) for turn in history.turns] == [9] * 10
    assert history.turns[0][0].period == "2020-04-01"


def test_the_command_reads_the_same(tmp_path: Path) -> None:
    source = write(tmp_path / "orders.csv", orders())
    said = Mapping(text="note", label="mode", time="day", cost="price")
    plan = Plan(normal="ok", turns=3, labels_per_turn=4, seed_size=12)
    history = open_history(source, plan, said)
    assert history.guesses == ()
    assert history.command.endswith(
        "--text note --label mode --time day --cost price --normal ok --turns 3 "
        "--labels-per-turn 4 --seed-size 12"
    )
    assert history.task.max_false_reject_rate == 0.03
    assert history.seed[0].cost == 110.0


def test_unlabelled_rows_are_observed_and_never_scored(tmp_path: Path) -> None:
    lines = orders().splitlines()
    lines[1::2] = [lines[0], *(line.replace(",ok,", ",,") for line in lines[3::2])]
    del lines[1]
    source = write(tmp_path / "orders.csv", "\n".join(lines))
    history = open_history(source, Plan(turns=4))
    unlabelled = sum(row.label is None for row in history.rows())
    assert unlabelled > 10
    assert all(row.label is not None for row in history.seed)
    assert history.share_scored < 1
    assert history.caveats[0] == (
        f"{unlabelled} of 119 rows have no label: they are observed and never scored"
    )


def test_bad_rows_are_quarantined_with_place_and_reason(tmp_path: Path) -> None:
    lines = orders().encode().splitlines()
    lines[3] = b"2020-12-01,caf\xe9 closed,ok,1"
    lines[5] = b"2020-12-01,too few"
    lines[7] = b"soon,a text,ok,1"
    lines[9] = b"2020-12-01,,ok,1"
    lines[11] = b"2020-12-01,a text,ok,dear"
    source = write(tmp_path / "orders.csv", b"\n".join(lines))
    said = Mapping(text="note", label="mode", time="day", cost="price")
    reading = read(source, said)
    assert [str(item) for item in reading.quarantined] == [
        "orders.csv, line 6: 2 cells, expected 4 as in the header",
        "orders.csv, line 4: the text is not UTF-8 (byte 0xe9 at offset 3): save it as UTF-8",
        "orders.csv, line 8: the time 'soon' is not a date as 2004-07-31 or 2004-07-31 12:00: "
        "correct it, or say its format with --time-format",
        "orders.csv, line 10: the text is empty: give at least one character that is not white "
        "space",
        "orders.csv, line 12: the cost 'dear' is no number: correct it or leave it empty",
    ]
    assert len(reading.rows) == 115


@pytest.mark.parametrize(
    ("content", "said", "message"),
    [
        ("", {}, "a.csv is empty: expected a header line and at least one row"),
        ("note,mode\n", {}, "a.csv is empty: expected at least one row besides the header"),
        (
            orders().encode("utf-16"),
            {},
            "a.csv is no UTF-8 text (it holds zero bytes): save it as ",
        ),
        (b"n\xe9,b\n1,2\n", {}, "a.csv: the header is not UTF-8: save the file as UTF-8"),
        ("a,a\n1,2\n", {}, "a.csv: two columns are called 'a': rename one of them"),
        (
            orders(),
            {"label": "class"},
            "a.csv has no column 'class' (--label): there are 'day', 'no",
        ),
        (
            orders(),
            {"channels": ("x",)},
            "a.csv has no column 'x' and none that is 'x' and a number",
        ),
        ("note\nhello there\nyou\n", {}, "a.csv has no labels: name the column that says what "),
        (
            "note,mode\nhello there,ok\nyou,ok\n",
            {"label": "mode"},
            "a.csv: every labelled input says 'ok', and a task needs at least two labels: choose "
            "another column with --label, or add inputs of another label",
        ),
        (
            "time,mode\n" + "soon,a\n" * 3 + "2020-01-01,b\n",
            {"text": "mode", "label": "mode", "time": "time"},
            "a.csv: 3 of 4 items cannot be read, the first at a.csv, line 2: the time 'soon' is ",
        ),
        (
            "a,b\n1,2\n2,3\n",
            {},
            "a.csv: no column looks like the input; there are 'a', 'b': name it",
        ),
    ],
)
def test_a_hopeless_file_gets_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str | bytes,
    said: dict[str, object],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("a.csv"), content)
    with pytest.raises(UserError) as caught:
        open_history("a.csv", Plan(), Mapping(**said))  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def windows(count: int = 60, samples: int = 8) -> str:
    names = [f"{axis}_{i}" for axis in "xy" for i in range(samples)]
    lines = [",".join([*names, "state"])]
    for i in range(count):
        values = [f"{i + 0.01 * j:.2f}" for j in range(2 * samples)]
        lines.append(",".join([*values, "good" if i % 2 else "worn"]))
    return "\n".join(lines) + "\n"


def test_windows_in_wide_columns(tmp_path: Path) -> None:
    history = open_history(write(tmp_path / "w.csv", windows()), Plan(turns=3))
    assert history.task.kind == "signal"
    assert history.task.shape == (2, 8)
    assert history.guesses[0] == (
        "the channels are 'x', 'y': numbered columns or lists (--channels)"
    )
    window = read_window(history.seed[3].input, (2, 8))
    np.testing.assert_allclose(window, 3 + 0.01 * np.arange(16).reshape(2, 8), rtol=1e-6)
    assert "--channels x,y --turns 3" in history.command


def test_a_window_with_nan_is_quarantined(tmp_path: Path) -> None:
    lines = windows().splitlines()
    lines[4] = lines[4].replace("3.02", "nan", 1)
    lines[5] = lines[5].replace("4.01", "", 1)
    reading = read(write(tmp_path / "w.csv", "\n".join(lines)), Mapping())
    assert [str(item) for item in reading.quarantined] == [
        "w.csv, line 5: channel 'x', sample 2: nan is no finite number: fill or drop it first",
        "w.csv, line 6: channel 'x', sample 1: nothing is no finite number: fill or drop it first",
    ]


def test_parquet_of_texts_and_of_ragged_lists(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    count = 60
    signal = [[float(i + j) for j in range(8)] for i in range(count)]
    signal[2] = [1.0]
    table = pa.table({"force": signal, "state": ["good", "worn"] * (count // 2)})
    pq.write_table(table, tmp_path / "w.parquet")
    reading = read(str(tmp_path / "w.parquet"), Mapping())
    assert reading.shape == (1, 8)
    assert [str(item) for item in reading.quarantined] == [
        "w.parquet, row 3: channel 'force' has 1 samples, expected 8 as in most rows: cut or pad "
        "the window"
    ]
    texts = pa.table({"note": [f"{TEXTS[i % 3]} {i}" for i in range(90)], "mode": LABELS * 30})
    pq.write_table(texts, tmp_path / "t.parquet")
    history = open_history(str(tmp_path / "t.parquet"), Plan(normal="ok"))
    assert history.task.labels == ("leak", "missing", "ok")
    write(tmp_path / "bad.parquet", b"nothing")
    with pytest.raises(UserError, match=r"^bad\.parquet is no readable Parquet file \("):
        read(str(tmp_path / "bad.parquet"), Mapping())
