"""How edges stand, in the terminal."""

import pytest
from floored import edge, standing

from twoloops.cli.floor import print_edges


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"source_error": "the folder /in: gone"}, "no inputs come: the folder /in: gone"),
        ({"went_back": "it was late"}, "it has left the model assigned to it: it was late"),
        ({"refused": "it expired"}, "it refused the last update: it expired"),
        ({"not_kept": 2}, "2 inputs were decided on and could not be written"),
        ({"unusable": 1_234}, "1,234 inputs could not be read"),
        ({"not_told": 3}, "3 verdicts were not taken by a sink"),
    ],
)
def test_what_a_heartbeat_tells_that_should_not_be_is_said(more, said, capsys) -> None:
    print_edges([edge(standing=standing(**more))])
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{edge().edge}: {said}" in shown


def test_of_an_edge_in_order_nothing_is_said(capsys) -> None:
    print_edges([edge()])
    assert f"{edge().edge}:" not in capsys.readouterr().out
