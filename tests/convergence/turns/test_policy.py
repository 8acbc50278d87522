import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.convergence.replays.replay import policies
from twoloops.convergence.turns.policy import Policy
from twoloops.records.errors import UserError


@given(st.integers(0, 100), st.floats(0.01, 1), st.floats(0, 0.99))
@settings(deadline=None, max_examples=50)
def test_audit_and_verifying_labels_stay_inside_the_budget(
    budget: int, audit: float, verify: float
) -> None:
    policy = Policy(labels_per_turn=budget, audit_share=audit, verify_share=verify)
    assert policy.audit_labels + policy.verify_labels() <= budget
    assert policy.audit_labels + policy.verify_labels(refused=True) <= budget
    assert policy.audit_labels >= min(budget, 1)


def test_without_a_gate_nothing_is_kept_back_to_verify() -> None:
    assert Policy(gate=False).verify_labels(refused=True) == 0
    assert Policy().verify_labels() == 8
    assert Policy().verify_labels(refused=True) == 20


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"golden": 31}, "0 to 30 items: got 31"),
        ({"audit_share": 0.0}, "the audit share must be above 0"),
        ({"verify_share": 1.0}, r"must lie in \[0, 1\): got 1.0"),
        ({"labels_per_turn": -1}, "cannot be negative: got -1"),
    ],
)
def test_a_policy_that_cannot_work_is_refused(settings: dict[str, float], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Policy(**settings)  # type: ignore[arg-type]


def test_the_arms_differ_in_their_switches_only() -> None:
    arms = policies(Policy(labels_per_turn=7, seed=3))
    assert next(iter(arms)) == "both"  # what a killed replay resumes
    switches = {name: (p.data, p.models, p.gate, p.everything) for name, p in arms.items()}
    assert switches == {
        "both": (True, True, True, False),
        "neither": (False, False, True, False),
        "models": (False, True, True, False),
        "data": (True, False, True, False),
        "everything": (True, True, False, True),
        "neither without gate": (False, False, False, False),
        "models without gate": (False, True, False, False),
        "data without gate": (True, False, False, False),
        "both without gate": (True, True, False, False),
    }
    assert {(p.labels_per_turn, p.seed, p.audit_share) for p in arms.values()} == {(7, 3, 0.2)}
