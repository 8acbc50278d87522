import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec.structs import asdict, replace

from twoloops.convergence.judging.gate import GateSettings
from twoloops.convergence.replays.loops import interaction
from twoloops.convergence.replays.outcome import ReplayResult, TurnFigures
from twoloops.convergence.replays.replay import policies, replay
from twoloops.convergence.turns.loop import Workbench
from twoloops.convergence.turns.policy import Policy
from twoloops.digital.base import Base
from twoloops.digital.catalogue import Offer
from twoloops.physical.history.stream import History
from twoloops.records.errors import UserError
from twoloops.store.workspace import Store

MakeHistory = Callable[..., History]
POLICY = Policy(labels_per_turn=8, golden=4)
TURNS = 2


class Killed(Exception):
    """Stands for the end of the process."""


@dataclasses.dataclass
class Ran:
    """A replay with what it left in its store and said on its way."""

    history: History
    result: ReplayResult
    made: dict[str, object]
    said: list[tuple[str, int]]


def past(make_history: MakeHistory) -> History:
    history = make_history(turns=TURNS, per_turn=24, seed_rows=30)
    # Not every row is known, and one cannot be read.
    rows = list(history.turns[1])
    rows[3] = replace(rows[3], label=None)
    rows[5] = replace(rows[5], input=b"\xff\xfe")
    turns = (history.turns[0], tuple(rows))
    return dataclasses.replace(
        history, turns=turns, keyword_rules=lambda text: "leak" if "leak" in text else "ok"
    )


def workbench(cache: Path, base: Callable[[str], Base]) -> Workbench:
    return Workbench([Offer("strong", 2, lambda _: base("strong"))], cache)


def made(store: Store) -> dict[str, object]:
    return {
        "datasets": store.datasets.of_task("orders"),
        "models": [one.digest for one in store.models.of_task("orders")],
        "releases": [(one.turn, one.model) for one in store.releases.all("orders")],
        "labels": store.labels.count("orders"),
        "facts": sorted((fact.key, sorted(fact.body.items())) for fact in store.journal.facts()),
    }


_ran: list[Ran] = []


@pytest.fixture
def ran(make_history: MakeHistory, base: Callable[[str], Base], tmp_path: Path) -> Ran:
    """One undisturbed replay, shared by the tests that only look at it."""
    if not _ran:
        history, said = past(make_history), []
        store = Store.in_memory()
        result = replay(
            history,
            POLICY,
            workbench(tmp_path, base),
            store,
            tmp_path / "edge",
            seeds=(0,),
            on_turn=lambda arm, figures: said.append((arm, figures.turn)),
        )
        _ran.append(Ran(history, result, made(store), said))
    return _ran[0]


def test_it_encodes_to_json_and_back(ran: Ran) -> None:
    data = msgspec.json.encode(ran.result)
    assert msgspec.json.decode(data, type=ReplayResult) == ran.result
    assert b"NaN" not in data


def test_every_list_has_one_entry_a_turn(ran: Ran) -> None:
    result = ran.result
    lists = ("turns", "neither", "models", "data", "everything", "keyword_rules", "majority")
    for name in lists:
        turns: tuple[TurnFigures, ...] = getattr(result, name)
        assert [turn.turn for turn in turns] == [1, 2], name
        assert [turn.period for turn in turns] == ["week 1", "week 2"]
        assert [turn.observations for turn in turns] == [24, 24]
        assert [turn.scored for turn in turns] == [24, 23]
    # The first model is the same without a gate, unless the gate refused it.
    arms = [arm for arm in policies(POLICY) if arm != "neither without gate"]
    assert ran.said == [(arm, turn) for arm in arms for turn in (1, 2)]


def test_without_a_gate_a_first_model_is_kept_that_the_gate_refuses(
    make_history: MakeHistory, tmp_path: Path
) -> None:
    """Else what the gate refused would count as what no loop gives."""
    refused = replace(POLICY, settings=GateSettings(first_alpha=1e-9))
    with Store.in_memory() as store:
        bench = Workbench([], tmp_path)
        history = make_history(turns=2, per_turn=24)
        result = replay(history, refused, bench, store, tmp_path / "edge")
    assert result.loops.neither == 0.0
    assert result.loops_without_gate.neither > 0.5


def test_the_four_arms_are_the_means_of_their_turns(ran: Ran) -> None:
    result = ran.result
    for name, turns in (("both", result.turns), ("neither", result.neither)):
        accuracies = [turn.accuracy for turn in turns]
        assert getattr(result.loops, name) == pytest.approx(np.mean(accuracies))
    arms = result.loops
    assert arms.interaction == pytest.approx(
        interaction(arms.both, arms.data, arms.models, arms.neither)
    )
    assert arms.interval[0] <= arms.interaction <= arms.interval[1]
    assert arms.neither == result.loops_without_gate.neither


def test_baselines_buy_no_label_and_labels_stay_in_the_budget(ran: Ran) -> None:
    result = ran.result
    assert {turn.labels_total for turn in result.majority} == {0}
    for turn in (*result.turns, *result.models, *result.data, *result.neither):
        assert 30 < turn.labels_total <= 30 + 8 * turn.turn
    # All but the unreadable row and the one that nobody knows.
    assert result.everything[-1].labels_total == 30 + 24 + 22
    assert result.money.labels == result.turns[-1].labels_total
    assert sum(result.money.spent_by_turn) == result.money.labels_spent


def test_what_cannot_be_read_is_wrong_in_every_arm_and_what_nobody_knows_in_none(
    ran: Ran,
) -> None:
    result = ran.result
    assert result.share_scored == pytest.approx(47 / 48)
    for turns in (result.turns, result.everything, result.neither):
        assert turns[1].accuracy is not None
        assert turns[1].accuracy <= 22 / 23


def test_the_lineage_leads_from_every_release_to_a_base(ran: Ran) -> None:
    nodes = {node.id: node.kind for node in ran.result.nodes}
    parents: dict[str, list[str]] = {}
    for edge in ran.result.edges:
        assert edge.child in nodes
        assert edge.parent in nodes
        parents.setdefault(edge.child, []).append(edge.parent)
    releases = [name for name, kind in nodes.items() if kind == "release"]
    assert releases
    for release in releases:
        (model,) = parents[release]
        assert {nodes[parent] for parent in parents[model]} == {"base", "dataset"}


def test_killed_in_the_middle_it_resumes_and_ends_with_the_same(
    ran: Ran, base: Callable[[str], Base], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same seed also gives the same figures twice: all but compute, which is measured."""
    nowhere = tmp_path / "tmp"
    nowhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(nowhere))

    def kill(arm: str, figures: TurnFigures) -> None:
        raise Killed

    folder = tmp_path / "replay"
    given = (ran.history, POLICY)
    with Store.open(folder / "store") as store:
        bench = workbench(tmp_path, base)
        with pytest.raises(Killed):
            replay(*given, bench, store, folder / "edge", on_turn=kill)
    left = folder / "edge" / "0-neither"  # of one that was killed in another arm
    left.mkdir()
    (left / "turn-001.spool").write_bytes(b"half of it")
    with Store.open(folder / "store") as store:
        bench = workbench(tmp_path, base)
        again = replay(*given, bench, store, folder / "edge")
        assert made(store) == ran.made
        assert store.journal.verify() == []
    assert list((folder / "edge").iterdir()) == []
    assert list(nowhere.iterdir()) == []
    measured = {"compute", "price"}
    before, after = asdict(ran.result), asdict(again)
    for name in before.keys() - measured:
        assert before[name] == after[name], name


def test_a_past_without_labels_after_the_seed_is_refused(
    make_history: MakeHistory, bench: Workbench, tmp_path: Path
) -> None:
    history = make_history(turns=1, per_turn=4)
    unknown = tuple(replace(row, label=None) for row in history.turns[0])
    history = dataclasses.replace(history, turns=(unknown,))
    with pytest.raises(UserError, match="no observation after the seed has a label"):
        replay(history, POLICY, bench, Store.in_memory(), tmp_path)
