"""A workspace that stands on an adopted model: its turns compare with the file as it is."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twoloops.convergence.turns.anchor import BEST
from twoloops.convergence.turns.loop import Workbench
from twoloops.edge.runtime import Runtime
from twoloops.store.workspace import Store
from twoloops.wiring.workspace import loop

Call = Callable[..., Any]


def test_turns_go_on_from_an_adopted_model(call: Call, replayed: Path, tmp_path: Path) -> None:
    first, second, out = tmp_path / "first", tmp_path / "second", tmp_path / "out"
    call("init", first, "--from-replay", replayed / "replay")
    assert call("publish", "deployed", out, "--no-sign", "-w", first).code == 0
    call("init", second)
    at = ["--task", "presses", "-w", second]
    assert call("adopt", out, *at, "--deploy", "--reason", "same press").code == 0
    source = replayed / "history.csv"
    taken = call("ingest", source, *at, "--label", "label", "--with-labels")
    assert taken.code == 0, taken.err
    with Store.open(second, create=False) as store:
        task = store.tasks.get("presses")
        assert store.observations.count("presses") == 150  # a census, though a model decides
        model = store.releases.deployed("presses").model
        found, threshold = loop(store, task).deployed()
        runtime = Runtime(store.models.get(model))
        digests = [one.input for one in store.observations.of_task("presses")][:40]
        read = store.inputs.get_many(digests)
        bench = Workbench((), tmp_path / "cache")
        x = bench.encoder.embed(found.base, digests, store.inputs.get_many)
        said = found.honest(x, ["g"] * len(digests))
        file = runtime.run([read[one] for one in digests]).probabilities
        assert abs(said - file).max() < 1e-5
        assert threshold == runtime.card.threshold
    done = call("turn", "presses", "-w", second)
    assert done.code == 0, done.err
    assert "Turn 0 of 'presses' is closed." in done.out
    status = json.loads(call("status", "-w", second, "--json").out)
    assert "best release so far" in " ".join(done.out.split())
    with Store.open(second, create=False) as store:
        assert store.evidence.history("presses", BEST, str)[-1] == model
    assert status["tasks"][0]["deployed"] is not None
