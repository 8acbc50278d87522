import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.physical.labelling.quality.msa import LIMITS, Appraiser, Study, rate, study
from twoloops.records.observation import Place

Trials = list[dict[Place, str]]


def place(number: int) -> Place:
    return Place("line", "e", number)


REFERENCE = {place(n): "bad" if n < 16 else "good" for n in range(50)}


def appraiser(misses: dict[int, int], alarms: dict[int, int]) -> Trials:
    """Three trials; part → in how many of them it was called wrongly."""
    wrong = misses | alarms
    return [
        {
            part: ("good" if said == "bad" else "bad")
            if wrong.get(part.counter, 0) > trial
            else said
            for part, said in REFERENCE.items()
        }
        for trial in range(3)
    ]


# The manual's example (50 parts, 16 bad, 3 trials): the same totals, dealt over parts at will.
MANUAL = {
    "A": appraiser({0: 1, 1: 1, 2: 1}, {20: 1, 21: 1, 22: 1, 23: 1, 24: 1}),
    "B": appraiser({0: 1, 1: 2}, {20: 1, 21: 1, 22: 0}),
    "C": appraiser({0: 2, 1: 2, 2: 2}, {20: 2, 21: 1, 22: 1, 23: 1, 24: 1, 25: 1, 26: 2}),
}


def test_the_manuals_figures_come_out() -> None:
    done = study(MANUAL, REFERENCE, about="master parts", normal="good")
    a, b, c = done.appraisers
    assert (done.parts, done.faulty) == (50, 16)
    assert str(a.effectiveness) == "84.0% (70.9% to 92.8%, 42 of 50)"
    assert [round(100 * one.miss.value, 1) for one in (a, b, c) if one.miss] == [6.2, 6.2, 12.5]
    alarms = [round(100 * x.false_alarm.value, 1) for x in (a, b, c) if x.false_alarm]
    assert alarms == [4.9, 2.0, 8.8]
    assert c.effectiveness.value == pytest.approx(0.80)
    assert a.verdicts == {
        "effectiveness": "marginal",
        "miss rate": "unacceptable",
        "false-alarm rate": "acceptable",
        "kappa": "acceptable",
    }
    # The manual prints .88 and .92 for A and B against the reference.
    assert a.kappa.value == pytest.approx(0.88, abs=0.01)
    assert b.kappa.value == pytest.approx(0.92, abs=0.01)
    assert done.warnings == ()


def test_the_model_is_one_appraiser_beside_the_people() -> None:
    model = {part: "good" for part in REFERENCE if part.counter < 40}
    done = study(MANUAL, REFERENCE, about="master parts", normal="good", model=model)
    last = done.appraisers[-1]
    assert (last.name, last.parts, last.trials, last.within) == ("model", 40, 1, None)
    assert last.miss is not None
    assert last.miss.value == 1.0
    assert last.kappa.value == pytest.approx(0.0)
    assert last.verdicts["miss rate"] == "unacceptable"
    assert {(pair.one, pair.other) for pair in done.pairs} >= {("A", "model"), ("A", "B")}
    assert done.warnings == (
        "the model repeats itself by construction: its repeatability is not measured",
    )


def test_what_a_sceptic_says_first() -> None:
    people = {"ann": [{place(n): "good" for n in range(4)}]}
    reference = {place(n): "good" for n in range(5)}
    told = study(people, reference, about="consensus of all", normal="good").warnings
    assert [one.split(":")[0] for one in told] == [
        "4 parts are few (the manual's example has 50)",
        "the parts are all good or all faulty",
        "the reference is the consensus of these same appraisers",
        "a single trial says nothing of repeatability",
    ]


def test_a_part_that_somebody_left_out_does_not_count() -> None:
    people = {"ann": [dict(REFERENCE)], "bob": [{place(3): "bad", place(30): "bad"}]}
    done = study(people, REFERENCE, about="master parts")
    assert done.parts == 2
    bob = done.appraisers[1]
    assert bob.effectiveness.value == 0.5
    assert (bob.miss, bob.false_alarm) == (None, None)
    assert bob.verdicts["miss rate"] == "unknown"


def test_trials_of_one_part_do_not_pass_for_parts() -> None:
    """The interval of kappa is drawn over parts: three equal trials tell no more than one."""
    rng = np.random.default_rng(0)
    once = {p: said if rng.random() < 0.8 else "good" for p, said in REFERENCE.items()}

    def kappa(trials: Trials) -> tuple[float, float]:
        found = study({"ann": trials}, REFERENCE, about="master parts").appraisers[0].kappa
        assert found.interval is not None
        return found.interval

    assert kappa([once] * 3) == pytest.approx(kappa([once]), abs=0.01)


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_rate_lies_inside_its_exact_interval(hits: int, more: int) -> None:
    found = rate(hits, hits + more)
    if found.value is None:
        assert hits + more == 0
        return
    assert found.interval is not None
    low, high = found.interval
    assert 0 <= low <= found.value <= high <= 1


def test_the_limits_are_the_manuals() -> None:
    assert {one.measure: (one.acceptable, one.marginal) for one in LIMITS} == {
        "effectiveness": (0.90, 0.80),
        "miss rate": (0.02, 0.05),
        "false-alarm rate": (0.05, 0.10),
        "kappa": (0.75, 0.40),
    }
    assert Study.__struct_fields__
    assert Appraiser.__struct_fields__
