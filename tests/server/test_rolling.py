"""The server steps roll-outs by itself, seldom enough, and goes on when one fails."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rolling import Plant, release

from twoloops.records.errors import UserError
from twoloops.server import rolling
from twoloops.server.rolling import Roller
from twoloops.wiring import trust
from twoloops.wiring.workspace import now


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    made = Plant(tmp_path / "ws", now())
    release(made.store, 1, made.at)
    trust.publish(made.folder, made.store, made.at)
    yield made
    made.store.close()


def test_a_release_goes_out_by_itself_and_looks_are_seldom(plant, monkeypatch) -> None:
    time = [1000.0]
    monkeypatch.setattr(rolling, "monotonic", lambda: time[0])
    roller = Roller(plant.folder)
    roller.look(plant.store)
    new = release(plant.store, 2, plant.at)
    time[0] += rolling.EVERY / 2
    roller.look(plant.store)
    assert new not in {model for model, _ in plant.assigned().values()}
    time[0] += rolling.EVERY
    roller.look(plant.store)
    assert plant.assigned()["a"] == (new, "shadow")


@pytest.mark.parametrize("error", [UserError("the key is gone"), ValueError("a bug")])
def test_a_failure_is_logged_and_tried_again(plant, monkeypatch, caplog, error) -> None:
    tries = []

    def fails(*_: object) -> None:
        tries.append(1)
        raise error

    monkeypatch.setattr(rolling, "look", fails)
    monkeypatch.setattr(rolling, "EVERY", 0.0)
    roller = Roller(plant.folder)
    roller.look(plant.store)
    roller.look(plant.store)
    assert len(tries) == 2
    assert "roll-outs stand still" in caplog.text
