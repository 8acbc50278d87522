"""How often the server looks at roll-outs."""

from pathlib import Path

import pytest

from twoloops.server import rolling
from twoloops.server.rolling import Roller
from twoloops.store.workspace import Store


def test_looks_take_a_twentieth_of_the_time_however_many_edges_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, takes, looked = 0.0, 0.01, []

    def look(*_: object) -> bool:
        nonlocal clock
        looked.append(clock)
        clock += takes
        return False

    monkeypatch.setattr(rolling, "monotonic", lambda: clock)
    monkeypatch.setattr(rolling, "look", look)
    with Store.open(tmp_path) as store:
        roller = Roller(tmp_path)
        for takes in (0.01, 2.0):
            looked.clear()
            for _ in range(1_000):
                roller.look(store)
                clock += 0.1
            busy = takes * (len(looked) - 1)
            assert busy <= 0.05 * (looked[-1] - looked[0]) + takes
            assert len(looked) >= 3
    assert looked[1] - looked[0] >= 40
