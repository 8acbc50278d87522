"""What the gate saw of a release and the best one before it, edge by edge."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from drifting import NAME, bring, label_all, released, texts

from twoloops.convergence.turns.anchor import best_digest
from twoloops.convergence.turns.differing import (
    DIFFERENCES,
    Differences,
    Weighed,
    keep_differences,
    pooled,
)
from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.workspace_turn import current, go_on
from twoloops.store.workspace import Store
from twoloops.wiring.workspace import loop

POLICY = Policy(models=False, seed_labels=40, golden=6, labels_per_turn=10, audit_share=0.5)


def test_it_is_counted_by_edge_where_there_are_edges(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        released(store, tmp_path, POLICY)
        bring(store, tmp_path, texts(60, 2))
        two = loop(store, store.tasks.get(NAME))
        state = current(two)
        while state.stage != "closed":
            state, waits = go_on(two, state)
            if waits is not None:
                label_all(store)
        candidate = state.candidates[-1]

        def kept() -> Differences | None:
            return store.evidence.get(NAME, DIFFERENCES, Differences, turn=state.number)

        keep_differences(two, state, candidate)
        assert kept() is None, "nobody rolls out where there is no edge"
        at = datetime.now(UTC)
        token, _ = store.tokens.add("local", "edge", at)
        store.edges.enrol("local", NAME, "all", token.id, token.id, at)
        keep_differences(two, state, candidate)
        found = kept()
        assert found is not None
        assert found.over == best_digest(two, state)
        seen = store.observations.of_turn(NAME, state.number)
        assert set(found.by_edge) == {one.place.edge for one in seen} == {"local"}
        assert pooled(found.by_edge, found.by_edge).weight == pytest.approx(
            sum(1 / one.kept.probability for one in seen)
        )
        assert pooled(found.by_edge, ["press-3"]) == Weighed()
