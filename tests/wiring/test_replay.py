"""A replay's folder: what makes it the same replay, and what a clear leaves."""

import dataclasses
from pathlib import Path

import msgspec
import pytest

from twoloops.records.errors import UserError
from twoloops.wiring import replay


def test_equal_rows_and_settings_are_the_same_replay_however_they_were_said(make_history) -> None:
    history = make_history()
    once = replay.asked(history, (0, 1), {"--turns": "3"})
    again = replay.asked(make_history(), (0, 1), {})
    assert once.identity == again.identity


@pytest.mark.parametrize("change", ["seeds", "label", "order", "budget", "limit"])
def test_whatever_decides_the_figures_makes_another_replay(make_history, change) -> None:
    history = make_history()
    first = history.seed[0]
    other, seeds = history, (0,)
    if change == "seeds":
        seeds = (1,)
    elif change == "label":
        label = next(one for one in history.task.labels if one != first.label)
        row = msgspec.structs.replace(first, label=label)
        other = dataclasses.replace(history, seed=(row, *history.seed[1:]))
    elif change == "order":
        other = dataclasses.replace(history, turns=history.turns[::-1])
    elif change == "budget":
        other = dataclasses.replace(history, labels_per_turn=11)
    else:
        task = msgspec.structs.replace(history.task, max_false_reject_rate=0.5)
        other = dataclasses.replace(history, task=task)
    assert replay.asked(history, (0,), {}) != replay.asked(other, seeds, {})


def test_a_folder_is_checked_before_anything_is_written(make_history, tmp_path: Path) -> None:
    wanted = replay.asked(make_history(), (0,), {"--seed": "0"})
    assert replay.check(tmp_path / "new", wanted) is None
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises(UserError, match="is a file: name a folder with --out"):
        replay.check(file, wanted)
    folder = tmp_path / "folder"
    folder.mkdir()
    replay.write(folder / replay.ASKED, b"{")
    with pytest.raises(UserError, match="cannot be read"):
        replay.check(folder, wanted)
    replay.write(folder / replay.ASKED, msgspec.json.encode(wanted))
    assert replay.check(folder, wanted) is None
    older = msgspec.structs.replace(wanted, identity="sha256:0", version="0.0.1")
    replay.write(folder / replay.ASKED, msgspec.json.encode(older))
    with pytest.raises(UserError, match=r"made by twoloops 0\.0\.1"):
        replay.check(folder, wanted)
    assert replay.check(folder, wanted, again=True) is None


def test_a_replay_killed_before_it_began_begins(make_history, tmp_path: Path) -> None:
    wanted = replay.asked(make_history(), (0,), {})
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "workspace.lock").write_text("{}")
    (tmp_path / ".replay.json.1.part").write_bytes(b"{")
    assert replay.check(tmp_path, wanted) is None
    (tmp_path / "store" / "catalog.db").write_bytes(b"")
    with pytest.raises(UserError, match="not empty and holds no replay"):
        replay.check(tmp_path, wanted)


def test_a_write_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    replay.write(path, b"old")
    replay.write(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
