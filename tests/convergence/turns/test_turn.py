"""A turn goes through its stages, waits where it must, and survives being killed anywhere."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer

from twoloops.convergence.replays.arm import Arm
from twoloops.convergence.turns.loop import Loop, Workbench
from twoloops.convergence.turns.state import STAGES, TurnState, Waiting
from twoloops.convergence.turns.turn import PERFORM, advance, advance_until, start
from twoloops.physical.history.stream import History
from twoloops.records.label import Label
from twoloops.store.journal import Journal
from twoloops.store.workspace import Store

MakeArm = Callable[..., Arm]
MakeHistory = Callable[..., History]


class Killed(Exception):
    """Stands for the end of the process."""


def made(store: Store) -> dict[str, Any]:
    """Everything that must not depend on when a process died."""
    return {
        "datasets": store.datasets.of_task("orders"),
        "models": [one.digest for one in store.models.of_task("orders")],
        "releases": [(one.turn, one.model) for one in store.releases.all("orders")],
        "questions": store.questions.of_task("orders"),
        "labels": store.labels.count("orders"),
        "facts": sorted((fact.key, sorted(fact.body.items())) for fact in store.journal.facts()),
        "seen": store.observations.count("orders"),
    }


def check_journal(store: Store) -> None:
    """The journal verifies, and no fact is there twice."""
    assert store.journal.verify() == []
    keys = [fact.key for fact in store.journal.facts()]
    assert len(keys) == len(set(keys))


def test_every_stage_has_its_function() -> None:
    assert (*PERFORM, "closed") == STAGES


def test_a_turn_goes_through_all_stages_in_order(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    arm = make_arm(make_history(turns=1, per_turn=20))
    passed = []
    save = arm.loop.save

    def note(turn: TurnState) -> None:
        passed.append((turn.number, turn.stage))
        save(turn)

    arm.loop.save = note  # type: ignore[method-assign]
    arm.run()
    assert passed == [(number, stage) for number in (0, 1) for stage in STAGES]
    check_journal(arm.loop.store)
    kinds = {fact.kind for fact in arm.loop.store.journal.facts(turn=0)}
    assert kinds >= {
        "observations claimed",
        "questions asked",
        "labels paid",
        "dataset frozen",
        "bases chosen",
        "model specialised",
        "gate passed",
        "release approved",
        "rolled out",
        "turn closed",
    }


def die_once_each(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str, key: Callable[..., object]
) -> None:
    """Let a method raise after its work, the first time it is called with a key."""
    died: set[object] = set()
    act = getattr(owner, name)

    def acting(*given: Any, **named: Any) -> Any:
        out = act(*given, **named)
        about = key(*given, **named)
        if about not in died:
            died.add(about)
            raise Killed(about)
        return out

    monkeypatch.setattr(owner, name, acting)


def lives(make: Callable[[], Arm]) -> Iterator[Arm]:
    """Start again for as long as the process is killed; yields the arm that came through."""
    for _ in range(200):
        arm = make()
        try:
            arm.run()
        except Killed:
            continue
        yield arm
        return
    raise AssertionError("it never came through")


@pytest.mark.parametrize("where", ["at the end of every stage", "at every fact"])
def test_killed_anywhere_it_goes_on_where_it_was(
    make_arm: MakeArm, make_history: MakeHistory, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    history = make_history(turns=1, per_turn=16, seed_rows=24)
    undisturbed = make_arm(history)
    undisturbed.run()
    if where == "at the end of every stage":
        die_once_each(monkeypatch, Loop, "save", lambda _, turn: (turn.number, turn.stage))
    else:
        die_once_each(monkeypatch, Journal, "append", lambda *_, key, **__: key)
    store = Store.in_memory()
    count = 0

    def again() -> Arm:
        nonlocal count
        count += 1
        return make_arm(history, store=store)

    arm = next(lives(again))
    assert count > len(STAGES)
    assert made(store) == made(undisturbed.loop.store)
    for number in range(2):
        assert arm.said(number) == undisturbed.said(number)
    check_journal(store)


def test_performing_a_stage_again_without_its_memory_gives_the_same(
    make_arm: MakeArm, make_history: MakeHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restart: fitted heads and embeddings are made again, from the store alone."""
    history = make_history(turns=1, per_turn=12, seed_rows=20)
    undisturbed = make_arm(history)
    undisturbed.run()
    die_once_each(monkeypatch, Loop, "save", lambda _, turn: (turn.number, turn.stage))
    store = Store.in_memory()

    bench = Workbench((), undisturbed.folder)
    next(lives(lambda: make_arm(history, store=store, workbench=bench)))
    assert made(store) == made(undisturbed.loop.store)


def commands() -> set[str]:
    """Every command of the command line, `label import` as two words."""
    from twoloops.cli.main import application

    def walk(group: Any, name: str) -> Iterator[str]:
        yield name
        for word, command in getattr(group, "commands", {}).items():
            yield from walk(command, f"{name} {word}".strip())

    return set(walk(typer.main.get_command(application()), ""))


def named_commands(sentence: str) -> list[str]:
    """What a sentence tells to run: the lower-case words after `twoloops`."""
    return re.findall(r"twoloops((?: [a-z]+)+)", sentence)


def test_it_waits_for_observations_and_for_labels_and_then_goes_on(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    arm = make_arm(make_history(turns=1, per_turn=20, seed_rows=24))
    loop = arm.loop
    turn = start(loop, 0, "turn 0")
    waiting = advance(loop, turn)
    assert isinstance(waiting, Waiting)
    assert waiting.what.startswith("the first observations: bring some in with")
    assert loop.state(0) == turn

    arm._observe(turn)
    said = advance_until(loop, turn)
    assert isinstance(said, Waiting)
    assert said.what.startswith("24 labels: give them on the page that  twoloops label  opens")
    for sentence in (waiting.what, said.what):
        assert named_commands(sentence)
        assert {name.strip() for name in named_commands(sentence)} <= commands()

    waits = loop.state(0)
    assert waits is not None
    assert waits.stage == "label"
    half(arm, waits)
    again = advance(loop, waits)
    assert isinstance(again, Waiting)
    assert again.what.startswith("12 labels")

    arm._answer(waits)
    done = advance_until(loop, waits)
    assert isinstance(done, TurnState)
    assert (done.stage, done.released is not None) == ("closed", True)
    check_journal(loop.store)


def half(arm: Arm, turn: TurnState) -> None:
    """Answer half of the turn's questions."""
    from twoloops.physical.labelling.answers import answer

    loop = arm.loop
    rows = dict(zip(arm.said(turn.number).counters, arm.stages[turn.number], strict=True))
    asked = loop.store.questions.open("orders", turn.number)
    labels = [
        Label(
            one.observation,
            rows[one.observation.counter].label or "",
            "history",
            rows[one.observation.counter].observed_at,
            loop.task.costs.label,
        )
        for one in asked[: len(asked) // 2]
    ]
    answer(loop.store, "orders", labels, at=loop.clock())


def test_a_closed_turn_stays_closed(make_arm: MakeArm, make_history: MakeHistory) -> None:
    arm = make_arm(make_history(turns=1, per_turn=12, seed_rows=12))
    closed = arm.run()[-1]
    before = made(arm.loop.store)
    assert advance(arm.loop, closed) == closed
    assert start(arm.loop, 1, "anything") == closed
    assert made(arm.loop.store) == before
