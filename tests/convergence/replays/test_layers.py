import dataclasses
import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.convergence.replays.held import LAYERS
from twoloops.convergence.replays.layers import (
    FREE,
    HALF_LABELS,
    LEAST_COMPUTE,
    MAJORITY,
    RULES,
    UNGATED,
    WAYS,
    arms,
    coarser,
    split_turns,
    ways,
)
from twoloops.physical.history.stream import History

MakeHistory = Callable[..., History]


def test_every_layer_is_held_in_some_way() -> None:
    assert {way.layer for way in WAYS} == set(LAYERS)


@pytest.mark.parametrize(("turns", "left"), [(4, 2), (5, 3), (1, 1)])
def test_coarser_makes_every_two_turns_one_and_keeps_the_order_of_rows(
    make_history: MakeHistory, turns: int, left: int
) -> None:
    history = make_history(turns=turns, per_turn=6)
    made = coarser(history)
    assert len(made.turns) == left
    assert list(made.rows()) == list(history.rows())
    assert made.labels_per_turn == 2 * history.labels_per_turn


@given(st.lists(st.lists(st.booleans(), max_size=6), max_size=6), st.data())
def test_split_turns_joined_again_are_what_came_in(
    turns: list[list[bool]], data: st.DataObject
) -> None:
    flat = [one for turn in turns for one in turn]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(flat)), max_size=5)))
    ends = [0, *cuts, len(flat)]
    sizes = [b - a for a, b in itertools.pairwise(ends)]
    made = split_turns([np.array(turn, dtype=bool) for turn in turns], sizes)
    assert [len(turn) for turn in made] == sizes
    assert [one for turn in made for one in turn] == flat


def test_rules_are_a_way_only_where_they_are_known(make_history: MakeHistory) -> None:
    history = make_history()
    assert [way.held for way in ways(["small-models"], history)] == [MAJORITY]
    ruled = dataclasses.replace(history, keyword_rules=lambda text: "ok")
    assert [way.held for way in ways(["small-models"], ruled)] == [MAJORITY, RULES]


def test_layers_share_the_free_arm_and_rules_need_none(make_history: MakeHistory) -> None:
    history = make_history()
    assert arms(["small-models"], history) == [FREE]
    free = f"{FREE}{UNGATED}"
    assert arms(["teacher"], history) == [FREE, HALF_LABELS, free, f"{HALF_LABELS}{UNGATED}"]
    assert LEAST_COMPUTE in arms(["compute"], history)
    every = arms(LAYERS, history)
    assert every[0] == FREE
    assert len(every) == len(set(every))
    assert {"data", "models", "data without gate"} < set(every)
