import io

import msgspec
import pytest
from rich.console import Console

from twoloops.analysis.report.summary import (
    closing,
    four_arm_table,
    thesis_line,
    turn_line,
    turn_table,
)
from twoloops.convergence.replays.outcome import TurnFigures


def printed(renderable, width=80):
    out = io.StringIO()
    Console(file=out, width=width, no_color=True).print(renderable)
    return out.getvalue()


@pytest.mark.parametrize("normal", ["none recorded", None])
@pytest.mark.parametrize("turns", [1, 10, 60])
def test_tables_fit_80_columns_with_every_figure_whole(example_result, turns, normal):
    result = example_result(turns=turns, normal=normal)
    text = printed(four_arm_table(result)) + printed(turn_table(result))
    assert max(map(len, text.splitlines())) <= 80
    for whole in ("everything labelled", "faults found*", "without gate", "79.8 %", "91.3 %"):
        assert whole in text
    assert "None" not in text
    assert "nan" not in text
    assert "…" not in text.replace(" … ", "")


def test_the_four_arms_come_with_the_interaction_in_words(example_result):
    text = " ".join(printed(four_arm_table(example_result())).split())
    assert "gate in force: +0.9 points (95 % −0.2 … +2.0), log-odds +0.13 (+0.01 … +0.26)" in text
    assert "without gate: +1.3 points (95 % +0.2 … +2.4)" in text
    assert "cannot be told apart from zero on this stream" in text


def test_markup_in_the_data_is_printed_as_it_stands(example_result):
    result = example_result(turns=1)
    turn = msgspec.structs.replace(result.turns[0], period="[red]x", base="[b]y")
    text = printed(turn_table(msgspec.structs.replace(result, turns=(turn,))))
    assert "[red]x" in text
    assert "[b]y" in text


def test_a_turn_is_one_line_of_80_columns(example_result):
    for turn in example_result().turns:
        first, *rest = turn_line(turn).splitlines()
        assert len(first) <= 80
        assert all(line.startswith("    ") and len(line) <= 80 for line in rest)


def test_a_turn_says_what_became_of_a_base_and_why_the_gate_refused(example_result):
    second, fourth, fifth = (example_result().turns[place] for place in (1, 3, 4))
    assert "refused: not shown to be within 5 points" in turn_line(second)
    assert turn_line(fourth).endswith("base adopted: builtin/char-ngram+minilm")
    assert turn_line(fifth).endswith("refused: minilm alone, too slow")


def test_an_empty_turn_has_a_line_too():
    turn = TurnFigures(
        turn=3, period="2004", observations=0, scored=0, labels_total=90, accuracy=None
    )
    assert turn_line(turn) == "turn  3 2004  0 observations, 90 labels, nothing scored, refused"


def test_the_closing_lines_name_labels_money_and_interaction(example_result):
    text = " ".join(closing(example_result()))
    assert "91.3 % right with both loops; 79.8 % with neither" in text
    assert "(both is 2.5 points below)" in text
    assert "490 bought for 1,225 USD" in text
    assert "pay for themselves after 118 observations" in text
    assert "cannot be told apart from zero" in text
    assert "1 item could not be read" in text


def test_the_closing_lines_without_a_normal_label(example_result):
    text = " ".join(closing(example_result(normal=None, turns=1)))
    assert "Faults found: not defined (no normal label)." in text
    assert "Money saved: not defined (no normal label)." in text


def test_a_loss_is_called_a_loss(example_result):
    base = example_result()
    money = msgspec.structs.replace(base.money, saved=-80.0, break_even_observations=None)
    text = " ".join(closing(msgspec.structs.replace(base, money=money)))
    assert "Money lost against the first model: 80 USD" in text
    assert "the labels never pay for themselves" in text


def test_closing_stands_a_result_without_turns(example_result):
    nan = float("nan")
    base = example_result(turns=1)
    loops = msgspec.structs.replace(base.loops, everything=nan, interval=(nan, nan))
    text = " ".join(closing(msgspec.structs.replace(base, loops=loops, turns=(), neither=())))
    assert "nan" not in text
    assert "not defined on this stream" in text


def test_the_line_for_the_readme(example_result):
    assert thesis_line(example_result(source="work orders")) == (
        "work orders: neither .80, models .80, data .90, both .91; "
        "interaction +0.9 points (95 % −0.2 … +2.0)"
    )
