"""Edge and server killed, the network broken: what was sent is stored once, in order.

`make chaos` does the same for longer (`tests/chaos/floor.py`).
"""

import os
from pathlib import Path

import pytest
from floor_chaos import Floor

LIVES = int(os.environ.get("CHAOS_LIVES", "3"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits on files are set after a fork")
def test_what_was_sent_is_stored_once_and_in_order(tmp_path: Path) -> None:
    # So slow that the last life, however long, begins with inputs left.
    floor = Floor(tmp_path, lines=600, share=0.3, seed=6, every=0.02)
    try:
        floor.disturb(LIVES, 1.4)
        outcome = floor.finish()
    finally:
        floor.close()
    assert (outcome.lost, outcome.duplicated, outcome.disordered) == (0, 0, 0), outcome
    assert outcome.unexplained == 0
    assert outcome.faults["edge killed"] >= LIVES - 1
    assert outcome.faults["server killed"] == LIVES // 3
    assert outcome.faults.total() > LIVES + LIVES // 3
