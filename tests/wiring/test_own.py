"""What the exhibits of one's own loops are gathered from: a workspace, a replay's folder."""

import contextlib
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from twoloops.convergence.replays.outcome import ReplayResult
from twoloops.physical.history.stream import History
from twoloops.records.errors import UserError
from twoloops.store.workspace import Store
from twoloops.wiring import replay
from twoloops.wiring.beginning import begin, begin_from_replay
from twoloops.wiring.own import mine, own

_folders: list[Path] = []


@pytest.fixture
def replayed(
    make_history: Callable[..., History], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A complete replay of two turns, made once; look, don't touch."""
    if not _folders:
        folder = tmp_path_factory.mktemp("own") / "replay"
        history = make_history(turns=2, per_turn=20)
        replay.run(history, (0,), folder, replay.asked(history, (0,), {}))
        _folders.append(folder)
    return _folders[0]


def test_a_replays_labels_money_and_turns_are_those_of_its_result(replayed: Path) -> None:
    result = msgspec.json.decode((replayed / replay.RESULT).read_bytes(), type=ReplayResult)
    found = own(Path(), replayed)
    (task,) = found.tasks
    assert found.what == "replay"
    assert found.replay == result
    assert [turn.number for turn in task.turns] == [0, 1, 2]
    assert sum(turn.labels for turn in task.turns) == result.money.labels
    assert task.spent == pytest.approx(result.money.labels_spent)
    assert [float(turn.cost.amount) for turn in task.turns if turn.cost] == [
        cost for cost in result.money.spent_by_turn if cost
    ]
    assert [bool(turn.released) for turn in task.turns[1:]] == [t.released for t in result.turns]
    assert task.labellers.keys() == {"history"}


def test_decisions_are_what_the_kept_ones_stand_for(replayed: Path) -> None:
    (task,) = own(Path(), replayed).tasks
    with Store.open(replayed / replay.STORE, create=False) as store:
        for turn in task.turns:
            seen = store.observations.of_turn(task.task.name, turn.number)
            chances = [one.kept.probability for one in seen if one.decision is not None]
            assert turn.observations == len(seen)
            assert turn.decisions == pytest.approx(sum(1 / chance for chance in chances))
    assert task.turns[0].decisions == 0  # nothing was deployed yet
    assert task.decisions > 0


def test_models_bases_and_journal_are_counted(replayed: Path) -> None:
    found = own(Path(), replayed)
    (task,) = found.tasks
    assert sum(model.deployed for model in task.models) == 1
    assert task.deployed is not None
    assert (task.deployed.size or 0) > 1000
    used = {model.card.base for model in task.models}
    assert used <= {base.name for base in found.bases}
    first = next(base for base in found.bases if base.name == "builtin/char-ngram")
    assert first.card is not None
    assert first.offered_from == 0
    with Store.open(replayed / replay.STORE, create=False) as store:
        facts = store.journal.facts()
    assert found.facts == len(facts)
    assert found.latest == facts[-1].recorded_at
    assert task.turns[-1].facts[1] <= found.facts


def test_a_workspace_begun_from_it_is_a_workspace(replayed: Path, tmp_path: Path) -> None:
    begin_from_replay(tmp_path / "plant", replayed)
    found = own(tmp_path / "plant")
    assert found.what == "workspace"
    assert found.replay is None
    before, after = own(Path(), replayed).tasks[0], found.tasks[0]
    assert after.turns == before.turns
    exhibits = mine(tmp_path / "plant")
    assert {one.origin for one in exhibits} == {"this workspace"}
    assert [one.id for one in exhibits][-1] == "controls"
    assert any("base-weights" in row.cells for row in exhibits[-1].tables[0].rows)


def test_a_replay_named_as_a_workspace_is_the_replay(replayed: Path) -> None:
    assert own(replayed) == own(Path(), replayed)


def test_what_is_not_there_is_said(tmp_path: Path, replayed: Path) -> None:
    with pytest.raises(UserError, match="is no workspace"):
        own(tmp_path / "none")
    with pytest.raises(UserError, match=r"holds no complete replay .*twoloops replay SOURCE --out"):
        own(Path(), tmp_path)
    begin(tmp_path / "empty")
    with pytest.raises(UserError, match=r"has no task yet, .*task add NAME"):
        own(tmp_path / "empty")


def test_a_broken_journal_is_marked_wherever_it_is_the_source(
    replayed: Path, tmp_path: Path
) -> None:
    assert own(Path(), replayed).broken == ()
    folder = tmp_path / "replay"
    shutil.copytree(replayed, folder)
    with contextlib.closing(sqlite3.connect(folder / replay.STORE / "catalog.db")) as catalog:
        catalog.execute("UPDATE journal SET kind = 'other' WHERE sequence = 5")
        catalog.commit()
    assert own(Path(), folder).broken == ("fact 5 was changed: it has not the digest it had",)
    titles = {source.title for one in mine(Path(), folder) for source in one.sources}
    assert any("NOT whole: fact 5 was changed" in title for title in titles)
