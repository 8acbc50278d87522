import pytest

from twoloops.convergence.replays.arm import Arm
from twoloops.convergence.trials.rebase import rebase
from twoloops.convergence.turns.loop import Workbench
from twoloops.digital.catalogue import Offer


def nothing(_: str) -> list[str]:
    return []


@pytest.fixture
def arm(make_arm, make_history, base, first, tmp_path) -> Arm:
    """Three turns on a weak base; others are offered too late for any turn."""
    first(base("weak"))
    offers = (
        Offer("strong", 99, lambda _: base("strong")),
        Offer("constant", 99, lambda _: base("constant")),
    )
    bench = Workbench(offers, tmp_path / "cache")
    made = make_arm(make_history(turns=3, per_turn=80), workbench=bench, labels_per_turn=40)
    made.run()
    return made


def test_a_better_base_is_released_and_the_old_model_stays(arm):
    store = arm.loop.store
    old = store.releases.deployed("orders").model
    tried = rebase(arm.loop, "strong", nothing)
    assert (tried.outcome, tried.before) == ("released", "weak")
    assert tried.gain > 0
    assert tried.interval[0] <= tried.gain <= tried.interval[1]
    new = store.releases.deployed("orders").model
    assert new == tried.model != old
    assert store.models.find(new).card.base == "strong"
    assert store.models.get(old)  # and could be deployed again
    assert old in {one.model for one in store.releases.all("orders")}
    assert store.lineage.find(new).kind == "model"
    assert not store.journal.verify()


def test_trying_twice_is_trying_once(arm):
    rebase(arm.loop, "strong", nothing)
    facts = arm.loop.store.journal.head()
    assert rebase(arm.loop, "strong", nothing).outcome == "same already"
    refused = rebase(arm.loop, "constant", nothing)
    assert refused.outcome == "refused"
    assert facts != arm.loop.store.journal.head()
    again = arm.loop.store.journal.head()
    assert rebase(arm.loop, "constant", nothing) == refused
    assert arm.loop.store.journal.head() == again


def test_a_dry_run_says_the_same_and_keeps_nothing(arm):
    store = arm.loop.store
    before = (store.journal.head(), store.releases.all("orders"), store.models.of_task("orders"))
    said = rebase(arm.loop, "strong", nothing, dry_run=True)
    after = (store.journal.head(), store.releases.all("orders"), store.models.of_task("orders"))
    assert before == after
    assert said == rebase(arm.loop, "strong", nothing)


def test_terms_stand_in_the_way_before_the_gate_is_asked(arm):
    head = arm.loop.store.journal.head()
    tried = rebase(arm.loop, "strong", lambda _: ["research only, by strong"])
    assert (tried.outcome, tried.reason) == ("terms", "research only, by strong")
    assert arm.loop.store.journal.head() == head
    assert arm.loop.store.releases.deployed("orders").model != tried.model


def test_what_cannot_be_tried_says_why(arm, make_arm, make_history):
    assert "nothing of that name" in rebase(arm.loop, "nonsense", nothing).reason
    fresh = make_arm(make_history())
    fresh.loop.store.tasks.find("orders")
    waits = rebase(fresh.loop, "strong", nothing)
    assert waits.outcome == "waits"
    assert "twoloops turn orders" in waits.reason


def test_the_turns_go_on_with_the_base_that_was_released(arm, make_history):
    rebase(arm.loop, "strong", nothing)
    longer = make_history(turns=4, per_turn=80)
    going_on = Arm(arm.loop, longer, arm.folder, real_edge=True)
    last = going_on.run()[-1]
    assert last.number == 4
    assert last.bases[0] == "strong"
    assert going_on.said(4).base == "strong"
