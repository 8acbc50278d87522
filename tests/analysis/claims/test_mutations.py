"""Change each cell in turn: a cell that changes nothing would be a verdict known by heart."""

import pytest

from twoloops.analysis.claims.expression import evaluate, names
from twoloops.atlas.claims import WORDS, claims, reading
from twoloops.atlas.facts import checks, facts

CLAIMS = {one.id: one for one in claims()}
FACTS = {one.id: one for one in facts()}
INPUTS = {one.id for one in claims() if one.role == "input"}
DECIDING = [one for one in checks() if one.relation != "context"]
VALUES = {
    row.id: value
    for row in (*claims(), *facts())
    if (value := reading(row.value, row.unit)) is not None
}
AWAY = {"date": "1990-01-01", "text": "something else"}


def far(unit, value=0.0):
    """A value that no tolerance reaches, on the side where bounds fail too."""
    return AWAY.get(unit, str(1000 + 1e6 * float(value or 0)))


def differing(check):
    """Whether a fact of the check is of another definition than the claim."""
    stated = [FACTS[n].definition for n in names(check.against) if n in FACTS]
    mine = CLAIMS[check.claim].definition
    return bool(mine) and any(one and one != mine for one in stated)


COMPARED = sorted(
    {one.claim for one in DECIDING} - {one.claim for one in DECIDING if differing(one)}
)
OWN = {one.claim for one in DECIDING if not set(names(one.against)) & {*FACTS, *INPUTS}}
"""Claims that the article's own table checks too."""


@pytest.mark.parametrize("name", sorted({*COMPARED} - OWN))
def test_a_claim_that_said_what_was_found_would_be_confirmed(changed, name):
    against = [one.against for one in DECIDING if one.claim == name]
    found = [str(evaluate(one, VALUES)) for one in against]
    assert [changed(name, name, value=one)[name].source_verdict for one in found] == (
        ["confirms"] * len(found)
    )


@pytest.mark.parametrize("name", COMPARED)
def test_a_claim_far_from_what_was_found_is_contradicted(changed, name):
    away = far(CLAIMS[name].unit, CLAIMS[name].value if CLAIMS[name].unit not in WORDS else 0)
    assert changed(name, name, value=away)[name].source_verdict == "contradicts"


@pytest.mark.parametrize("check", [c for c in DECIDING if differing(c)], ids=lambda c: c.claim)
def test_without_a_difference_of_definition_the_figures_decide(changed, check):
    now = changed(check.claim, check.claim, definition="")[check.claim]
    assert now.source_verdict in ("confirms", "contradicts")


def said(unit):
    """What claims of a unit say, and something else."""
    return [
        AWAY[unit],
        *dict.fromkeys(one.value for one in claims() if one.unit == unit and one.value),
    ]


def candidates(fact):
    """Other cells that might flip something: far values, solving values, definitions."""
    if fact.unit in WORDS:
        for value in said(fact.unit):
            yield {"value": value}
    else:
        for factor in (1e6, 1e-6, -1.0):
            yield {"value": str(float(fact.value) * factor)}
        yield from solving(fact)
    for text in ("of another kind", *(one.definition for one in claims() if one.definition)):
        yield {"definition": text}


def solving(fact):
    """Values with which a check would agree, its expression being linear in the fact."""
    for check in DECIDING:
        if fact.id in names(check.against) and CLAIMS[check.claim].unit not in WORDS:
            at = [evaluate(check.against, {**VALUES, fact.id: float(x)}) for x in (1, 2)]
            if at[0] != at[1]:
                wanted = VALUES[check.claim]
                yield {"value": str(1 + (wanted - at[0]) / (at[1] - at[0]))}


USED = sorted({name for one in DECIDING for name in names(one.against)} & set(FACTS))


@pytest.mark.parametrize("name", USED)
def test_every_fact_that_decides_can_turn_a_check(changed, name):
    # Two sources for one date back each other up: a check turns, the verdict stays. Where no
    # definition was the claim's, the figure decides once definitions are left out.
    claim = next(one.claim for one in DECIDING if name in names(one.against))
    for silent in (False, True):
        was = outcomes(changed(name, claim, silent))
        for cells in candidates(FACTS[name]):
            if outcomes(changed(name, claim, silent, **cells)) != was:
                return
    pytest.fail("no cell of this fact turns a check")


def outcomes(judged):
    return {id_: [ruling.outcome for ruling in one.rulings] for id_, one in judged.items()}


@pytest.mark.parametrize(
    "name", sorted({n for one in claims() if one.formula for n in names(one.formula)})
)
def test_every_figure_the_arithmetic_uses_can_make_it_fail(judged, changed, name):
    claim = CLAIMS[name]
    cells = (
        said(claim.unit)
        if claim.unit in WORDS
        else [str(float(claim.value) * factor) for factor in (1000, 0.001)]
    )
    was = {id_: one.arithmetic for id_, one in judged.items()}
    assert any(
        was != {id_: one.arithmetic for id_, one in changed(name, value=cell).items()}
        for cell in cells
    )
