"""Why: the sentences, and what would have changed a verdict, held against the gate itself."""

import re
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from twoloops.analysis.overview.facts import Change, Spend, TakenBack
from twoloops.analysis.overview.reasons import (
    Candidate,
    Data,
    Labelled,
    Standing,
    Why,
    headline,
    parts,
)
from twoloops.analysis.overview.verdicts import nearest
from twoloops.analysis.overview.why import body
from twoloops.convergence.judging.evaluate import Estimates, estimate
from twoloops.convergence.judging.gate import Comparison, GateSettings, judge
from twoloops.records.gate import Check, Verdict

SETTINGS = GateSettings()
DIGEST = "sha256:" + "cd" * 32
HOSTILE = "<script>x</script>"
BACK = TakenBack("revoked", HOSTILE, datetime(2026, 3, 1, 12, 5, tzinfo=UTC))


def verdict(claim="not worse", wealth=10.0, released=False, failed=("not worse",)):
    names = (claim, "golden set", "latency")
    checks = tuple(Check(name, name not in failed, f"detail of {name}") for name in names)
    return Verdict(released, claim, "refused: because", wealth, 40, 0.05, checks)


def why(said=None, **more):
    said = said or verdict()
    candidate = Candidate(
        model=DIGEST, base="b", recipe="head/1", threshold=0.5, verdict=said, reason=said.reason,
        released=said.released,
    )  # fmt: skip
    fields = {
        "task": "orders", "turn": 3, "stage": "closed", "candidate": candidate, "others": (),
        "compared_with": "the best", "settings": SETTINGS, "reason": "", "opened_by": (),
        "data": None, "base": None, "approved_at": None, "fact": None, "self_test": "",
        "cost": Spend(labels=4, people=(), minutes=None, taught=0, teachers=(), cpu_seconds=None,
                      flop=None),
        "deployed": False, "since": None, "majority": None,
    }  # fmt: skip
    return Why(**(fields | more))


def told(one):
    return {part.title: part.lines for part in parts(one)}


def test_what_happened_is_one_sentence():
    assert headline(why()) == "Model cdcdcdcdcdcd on b was refused for task 'orders' in turn 3."
    released = why(verdict(released=True, wealth=30.0, failed=()))
    assert "was released for task 'orders' in turn 3" in headline(released)
    trial = replace(released, candidate=replace(released.candidate, trial=True))
    assert "after turn 3" in headline(trial)
    person = replace(released, turn=-1, candidate=replace(released.candidate, person=True))
    assert headline(person).startswith("A person deployed model cdcd")
    assert headline(why(candidate=None, reason="no news")) == (
        "Turn 3 of 'orders' judged nothing: no news."
    )
    opened = why(candidate=None, stage="label")
    assert headline(opened) == "Turn 3 of 'orders' is open: nothing was judged yet."


def test_a_refusal_names_what_failed_and_how_far_it_was():
    found = told(why())
    assert found["evidence"][-1] == (
        "In short: evidence 10 of the 20 needed, on 40 labels of known chance; the two decide "
        "differently on 5.0 % of what came."
    )
    assert found["what would have changed it"][0].startswith(
        "The evidence would have had to be 2 times as strong; all else passed."
    )
    assert found["approved by"] == ("nobody",)
    marks = next(part for part in parts(why()) if part.title == "evidence").passed
    assert marks == (False, True, True, None)


def test_another_check_that_failed_is_what_would_have_had_to_pass():
    both = nearest(verdict(failed=("latency", "golden set"), wealth=30.0), SETTINGS)
    assert both.startswith("Golden set and latency would have had to pass: detail of golden set")


def test_a_release_says_how_clear_it_was():
    said = nearest(verdict(released=True, wealth=40.0, failed=()), SETTINGS)
    assert said == (
        "It had 2 times the evidence needed: an evidence level of 0.025 or stricter would have "
        "refused it."
    )


@given(st.integers(1, 12), st.integers(0, 4), st.sampled_from(["first", "better"]))
def test_fewer_labels_than_it_says_would_not_have_been_enough(wins, losses, claim):
    def judged(won):
        y = np.ones(won + losses, dtype=np.int64)
        mine = np.array([1] * won + [0] * losses, dtype=np.int64)
        # Against the majority class, which is 0 where items that are 0 outnumber the others.
        others = np.zeros(200, dtype=np.int64)
        if claim == "first":
            y, mine = np.concatenate([y, others]), np.concatenate([mine, others])
        return judge(
            Comparison(claim=claim, y=y, candidate=mine, deployed=np.where(mine == y, 0, y)),
            SETTINGS,
        )[0]

    said = judged(wins)
    if said.released:
        return
    told = nearest(said, SETTINGS)
    more = int(re.search(r"at least (\d+) further label", told)[1])
    assert more >= 1
    assert not judged(wins + more - 1).released


def test_everything_on_record_is_in_the_answer():
    data = Data(
        dataset=DIGEST, train=70, golden=7, audit=8, forgotten=2,
        labellers=(Labelled(labeller="person:ann", labels=60),
                   Labelled(labeller="teacher:big", labels=25, terms=("no-train (needs): ask",))),
    )  # fmt: skip
    base = Standing(
        name="minilm", kind="open model", licence="Apache-2.0", publisher="X (DE)",
        lineage=("distilled from bert",), obligations=tuple(f"notice {n}" for n in range(8)),
        blocked=1,
    )  # fmt: skip
    other = replace(why().candidate, base="other", reason="refused: too slow")
    found = told(why(data=data, base=base, others=(other,), opened_by=("'leak': 6 of 8 wrong",)))
    assert found["question"][1] == "Compared with the best."
    assert found["question"][2].endswith("'leak': 6 of 8 wrong")
    assert found["data"] == (
        "dataset cdcdcdcdcdcd: 70 items train, 8 judge first, 7 golden",
        "2 items forgotten since",
        "labels by person:ann 60, teacher:big 25",
        "terms of teacher:big: no-train (needs): ask",
    )
    assert found["base"][:2] == ("minilm: open model, Apache-2.0, X (DE)", "distilled from bert")
    assert "8 obligations for use inside, 1 of them in the way:" in found["base"]
    assert found["base"][-1] == "· and 2 more, see  twoloops lineage"
    assert found["also judged on this data"] == ("refused: cdcdcdcdcdcd on other: too slow",)


def test_a_release_is_told_beside_the_one_before_it_where_labels_are_enough():
    rates = Estimates(estimate([True] * 9))
    released = verdict(released=True, failed=())
    more = {"since": rates, "majority": estimate([True] * 6 + [False] * 3)}
    found = told(why(released, beside_before=Change(0.1, (0.02, 0.18), 40, 40), **more))
    assert found["since then"][2] == (
        "beside the release before it, on 40 audit labels that came after both: "
        "+10.0 points (95 %: +2.0 to +18.0)"
    )
    few = told(why(released, beside_before=Change(None, None, 3, 3), **more))
    assert len(few["since then"]) == 2


def test_a_release_that_counts_no_longer_says_so_first():
    released = why(verdict(released=True, wealth=30.0, failed=()))
    back = TakenBack("withdrawn", "roll-out 2 was rolled back: worse", BACK.at)
    gone = replace(released, candidate=replace(released.candidate, taken_back=back))
    assert headline(gone).endswith("was released for task 'orders' in turn 3, and withdrawn since.")
    first = parts(gone)[0]
    assert first.title == "counts no longer"
    assert first.lines == ("withdrawn 2026-03-01 12:05 UTC: roll-out 2 was rolled back: worse",)
    among = told(why(others=(gone.candidate,)))["also judged on this data"]
    assert among[0].startswith("released, withdrawn since: cdcd")


def test_a_broken_journal_comes_first():
    first = parts(why(broken=("fact 3 was changed",)))[0]
    assert first.lines == ("The journal is NOT whole, so this may be untrue: fact 3 was changed",)
    assert first.passed == (False,)


@pytest.mark.parametrize("released", [True, False])
def test_the_page_escapes_what_people_wrote(released):
    said = verdict(released=released, failed=() if released else ("not worse",))
    made = why(replace(said, reason=HOSTILE), task=HOSTILE, compared_with=HOSTILE, reason=HOSTILE)
    made = replace(made, candidate=replace(made.candidate, base=HOSTILE, taken_back=BACK))
    made = replace(made, others=(made.candidate,), opened_by=(HOSTILE,))
    html = body(made)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert ("Why was this released?" in html) == released
