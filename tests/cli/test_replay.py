"""`twoloops replay`: plan, run, print again, refuse what does not fit."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from twoloops.store.workspace import Store

OPTIONS = ("--normal", "ok", "--turns", 2, "--seed-size", 30, "--labels-per-turn", 8)


def test_a_dry_run_shows_turns_labels_and_costs_and_runs_nothing(call, replayed, tmp_path) -> None:
    out = tmp_path / "never"
    history = replayed / "history.csv"
    done = call("replay", history, *OPTIONS, "--label-cost", "2.50", "--out", out, "--dry-run")
    assert done.code == 0
    assert "46 in all, for 115.00 USD at 2.50 USD" in " ".join(done.out.split())
    assert "guessed: column 'text' is the input" in done.err
    assert f"twoloops replay {history} --text text --label label" in done.err
    assert not out.exists()


def test_a_dry_run_in_json_is_one_object(call, replayed) -> None:
    done = call("replay", replayed / "history.csv", *OPTIONS, "--dry-run", "--json", "--quiet")
    plan = json.loads(done.out)
    assert plan["labels_at_most"] == 46
    assert [turn["observations"] for turn in plan["turns"]] == [60, 60]
    assert done.err == ""


def test_a_complete_replay_is_printed_again_without_running(call, replayed) -> None:
    arguments = ("replay", replayed / "history.csv", *OPTIONS, "--out", replayed / "replay")
    before = (replayed / "replay" / "result.json").stat().st_mtime_ns
    done = call(*arguments)
    assert done.code == 0
    assert done.out.startswith("The two loops, apart and together")
    assert "complete already" in done.out
    assert f"twoloops init WORKSPACE --from-replay {replayed / 'replay'}" in done.out
    # Paths are as long as they are.
    assert all(len(line) <= 80 for line in done.out.splitlines() if str(replayed) not in line)
    said = call(*arguments, "--json")
    assert set(json.loads(said.out)["loops"]) >= {"neither", "models", "data", "both", "interval"}
    assert (replayed / "replay" / "result.json").stat().st_mtime_ns == before


def test_the_guess_and_the_command_that_fixes_it_are_the_same_replay(call, replayed) -> None:
    said = ("--text", "text", "--label", "label", "--seeds", 1)
    out = ("--out", replayed / "replay", "--quiet")
    done = call("replay", replayed / "history.csv", *OPTIONS, *said, *out)
    assert "complete already" in done.out


def test_other_arguments_for_a_folder_are_refused(call, replayed) -> None:
    out = replayed / "replay"
    done = call("replay", replayed / "history.csv", *OPTIONS, "--seed", 3, "--out", out, "--quiet")
    assert done.code == 2
    assert "--seed: 0 there, 3 here" in done.err
    assert "--out" in done.err
    assert "Traceback" not in done.err


def test_the_folder_holds_store_report_and_result(replayed) -> None:
    folder = replayed / "replay"
    assert (folder / "report.html").read_text(encoding="utf-8").startswith("<!")
    result = json.loads((folder / "result.json").read_bytes())
    assert [turn["turn"] for turn in result["turns"]] == [1, 2]
    with Store.open(folder / "store", create=False) as store:
        assert store.journal.verify() == []
        assert [turn.closed for turn in store.turns.all("history")] == [True] * 3


def test_a_folder_that_holds_something_else_is_refused(call, replayed, tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    done = call("replay", replayed / "history.csv", *OPTIONS, "--out", tmp_path, "--quiet")
    assert (done.code, "holds no replay" in done.err) == (2, True)


def test_a_changed_source_is_noticed(call, replayed, tmp_path) -> None:
    shutil.copytree(replayed, tmp_path / "copy")
    history = tmp_path / "copy" / "history.csv"
    with history.open("a", encoding="utf-8") as file:
        file.write("drip left 999,leak\n")
    arguments = json.loads((replayed / "replay" / "replay.json").read_bytes())
    arguments["arguments"]["SOURCE"] = str(history)
    (tmp_path / "copy" / "replay" / "replay.json").write_text(json.dumps(arguments))
    out = tmp_path / "copy" / "replay"
    done = call("replay", history, *OPTIONS, "--out", out, "--quiet")
    assert (done.code, "rows of the source have changed" in done.err) == (2, True)


def test_json_of_a_real_run_is_one_object_and_the_rest_is_on_stderr(real, tmp_path) -> None:
    noise = np.random.default_rng(0)
    labels = np.array(["ok", "fault"])[np.arange(64) % 2]
    windows = noise.normal(size=(64, 2, 24)).astype(np.float32)
    windows[labels == "fault", 0] += np.sin(np.arange(24))
    np.savez(tmp_path / "signals.npz", x=windows, y=labels)
    options = ("--turns", 1, "--seed-size", 24, "--labels-per-turn", 6, "--normal", "ok")
    done = real("replay", "signals.npz", *options, "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert (result["kind"], result["normal"], len(result["turns"])) == ("signal", "ok", 1)
    assert "turn  1" in done.err
    assert (tmp_path / "twoloops-replay-signals" / "report.html").is_file()


def test_a_folder_of_images_runs_without_a_normal_label(call, tmp_path) -> None:
    noise = np.random.default_rng(0)
    for label, level in (("dark", 60), ("light", 180)):
        (tmp_path / "images" / label).mkdir(parents=True)
        for number in range(32):
            pixels = noise.normal(level, 30, size=(16, 16)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / label / f"{number}.png")
    (tmp_path / "images" / "light" / "torn.png").write_bytes(b"\x89PNG torn")
    options = ("--turns", 1, "--seed-size", 24, "--labels-per-turn", 6)
    done = call("replay", tmp_path / "images", *options, "--out", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert (result["kind"], result["normal"], result["money"]["saved"]) == ("image", None, None)
    assert any("torn.png" in one for one in result["quarantined"])
    assert "1 item could not be read" in done.err


@pytest.mark.parametrize(
    ("content", "options", "sentence"),
    [
        (None, (), "there is no source"),
        (b"", (), "is empty"),
        (b"text,label\n", (), "is empty"),
        (b"text,label\n" + b"a leak,ok\n" * 40, ("--label", "label"), "at least two labels"),
        (b"text,label\nx,a\ny,b\n" * 30, ("--label", "nope"), "has no column 'nope'"),
        (b"text,label\nx,a\ny,b\n" * 30, ("--normal", "c"), "is no label of task"),
        (b"text,label\nx,a\ny,b\n" * 30, ("--turns", "900"), "too few for 900 turns"),
        (b"text,label\nx,a\ny,b\n" * 30, ("--label-cost", "much"), "is an amount of money"),
        (b"text,label\nx,a\ny,b\n" * 30, ("--label-cost", "-1"), "0 or more"),
        (b"text,label\nx,a\ny,b\n" * 30, ("--seed", "-1"), "--seed is 0 or more"),
        (b"text,label\n" + b"\xff\xfe bad,a\n" * 40, ("--text", "text"), "cannot be read"),
        (b"\0\0\0\0", (), "zero bytes"),
    ],
)
def test_nonsense_gives_one_sentence(call, tmp_path, content, options, sentence) -> None:
    path: Path = tmp_path / "input.csv"
    if content is not None:
        path.write_bytes(content)
    done = call("replay", path, *options, "--out", tmp_path / "out", "--quiet")
    assert done.code == 2
    assert sentence in done.err
    assert done.err.startswith("twoloops: ")
    assert "Traceback" not in done.err


def test_windows_that_are_not_finite_are_quarantined_or_refused(call, tmp_path) -> None:
    windows = np.full((20, 1, 16), np.nan, dtype=np.float32)
    np.savez(tmp_path / "nan.npz", x=windows, y=np.array(["a", "b"] * 10))
    done = call("replay", tmp_path / "nan.npz", "--dry-run")
    assert (done.code, "20 of 20 items cannot be read" in done.err) == (2, True)


def test_costs_of_the_work_orders_keep_their_currency() -> None:
    from twoloops.cli.costs import costs_of
    from twoloops.records.errors import UserError
    from twoloops.records.money import Money
    from twoloops.records.task import Costs

    known = Costs(Money(512, "AUD"), Money(100, "AUD"), Money(2, "AUD"))  # type: ignore[arg-type]
    assert str(costs_of({"label_cost": "3"}, known).label) == "3 AUD"
    with pytest.raises(UserError, match="all three in the new one"):
        costs_of({"label_cost": "3", "currency": "EUR"}, known)
