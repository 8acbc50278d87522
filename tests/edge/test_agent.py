import io
from datetime import UTC, datetime

import numpy as np
import pytest

from twoloops.edge.agent import Agent
from twoloops.edge.capture import CapturePolicy
from twoloops.edge.runtime import Runtime
from twoloops.edge.sources import Arrival
from twoloops.edge.spool import Spool
from twoloops.records.errors import UserError
from twoloops.records.observation import Kept, Place
from twoloops.records.task import Task

TASK = Task("fan", "signal", ("crack", "good"), normal="good", shape=(2, 1))
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def arrival(*channels, period="2026"):
    stream = io.BytesIO()
    np.save(stream, np.array(channels, dtype=np.float32).reshape(-1, 1))
    return Arrival(stream.getvalue(), NOW, period)


@pytest.fixture
def spool(tmp_path):
    with Spool(tmp_path / "spool.db", "press 4", epoch=lambda: "e") as opened:
        yield opened


def agent(spool, runtime, **policy):
    return Agent("press 4", TASK, runtime, CapturePolicy(**policy), spool, seed=1)


CERTAIN, UNCERTAIN = arrival(0, 50), arrival(0, 0.1)


def test_a_batch_is_decided_kept_and_returned(make_model, spool):
    runtime = Runtime(make_model())
    tally = agent(spool, runtime, routine=1e-9).observe([UNCERTAIN, CERTAIN, arrival(1, 1)])
    assert (tally.seen, tally.kept, tally.quarantined) == (3, 2, ())
    assert [decision.label for decision in tally.decisions] == ["crack", "good", "crack"]
    assert tally.captures == (Kept("uncertain", 1.0), None, Kept("novel", 1.0))
    assert tally.counters == (1, None, 2)
    spool.flush()
    first, second = spool.pending(10)
    assert first.input == UNCERTAIN.input
    assert first.observation.place == Place("press 4", "e", 1)
    assert first.observation.decision == tally.decisions[0]
    assert first.observation.task == "fan"
    assert first.observation.period == "2026"
    assert second.observation.kept == Kept("novel", 1.0)


def test_bad_inputs_are_quarantined_and_never_stop_the_rest(make_model, spool):
    runtime = Runtime(make_model())
    batch = [
        UNCERTAIN,
        Arrival(b"junk", NOW, "2026"),
        arrival(1, 2, 3),
        arrival(0, float("nan")),
        arrival(-1e-9, 0),  # makes this model divide by zero
        UNCERTAIN,
    ]
    tally = agent(spool, runtime).observe(batch)
    assert [index for index, _ in tally.quarantined] == [1, 2, 3, 4]
    reasons = [reason for _, reason in tally.quarantined]
    assert "no readable .npy" in reasons[0]
    assert "has shape (3, 1)" in reasons[1]
    assert "NaN or infinite" in reasons[2]
    assert "gives NaN or infinity in 'novelty'" in reasons[3]
    assert [decision is not None for decision in tally.decisions] == [True, *[False] * 4, True]
    assert tally.counters == (1, None, None, None, None, 2)
    assert tally.seen == 6


def test_without_a_model_everything_sound_is_kept(spool):
    tally = agent(spool, None).observe([CERTAIN, Arrival(b"", NOW, "2026")])
    assert tally.decisions == (None, None)
    assert tally.captures == (Kept("novel", 1.0), None)
    assert [index for index, _ in tally.quarantined] == [1]


def test_an_empty_batch_and_one_of_one(make_model, spool):
    press = agent(spool, Runtime(make_model()))
    assert press.observe([]).seen == 0
    assert press.observe([CERTAIN]).seen == 1


def test_the_same_batches_keep_the_same(make_model, tmp_path):
    kept = []
    for name, sizes in (("a", [100]), ("b", [1, 49, 50])):
        with Spool(tmp_path / name, "press 4", epoch=lambda: "e") as spool:
            press = agent(spool, Runtime(make_model()), routine=0.3)
            kept.append(sum((press.observe([CERTAIN] * size).captures for size in sizes), ()))
            assert spool.seen == 100
    assert kept[0] == kept[1]
    assert 10 < sum(one is not None for one in kept[0]) < 60


def test_draws_go_on_where_they_were_after_a_restart(make_model, tmp_path):
    runtime = Runtime(make_model())
    captures = []
    for _ in range(2):
        with Spool(tmp_path / "spool.db", "press 4", epoch=lambda: "e") as spool:
            captures.append(agent(spool, runtime, routine=0.5).observe([CERTAIN] * 64).captures)
    assert captures[0] != captures[1]


def test_a_released_model_replaces_the_last(make_model, spool):
    press = agent(spool, Runtime(make_model()))
    newer = Runtime(make_model(scale=2.0))
    press.runtime = newer
    (decision,) = press.observe([CERTAIN]).decisions
    assert decision.model == newer.digest


def test_another_edge_s_spool_is_refused(spool):
    with pytest.raises(UserError, match="belongs to edge 'press 4', not 'press 5'"):
        Agent("press 5", TASK, None, CapturePolicy(), spool, seed=1)
