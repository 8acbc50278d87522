"""What an edge fetches decides as the server does."""

from pathlib import Path

import pytest
from serving_workspace import client_of

from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.workspace_turn import current, go_on, keep_policy
from twoloops.edge.runtime import Runtime
from twoloops.physical.labelling.answers import answer
from twoloops.physical.labelling.questions import open_questions
from twoloops.records.digests import digest_bytes
from twoloops.records.label import Label
from twoloops.records.task import Task
from twoloops.store.models import REVOKED
from twoloops.store.workspace import Store
from twoloops.wiring.arriving import Door, Sent
from twoloops.wiring.workspace import loop, now

PATH = "/api/v1/tasks/orders"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A workspace whose first turn has released a model, and an edge's token."""
    folder = tmp_path_factory.mktemp("released")
    with Store.open(folder) as store:
        store.tasks.put(Task("orders", "text", ("leak", "ok"), normal="ok"))
        keep_policy(store, "orders", Policy(models=False, seed_labels=40))
        texts = [f"{'oil leak' if i % 2 else 'all fine'} number {i}" for i in range(40)]
        sent = [Sent(text.encode()) for text in texts]
        task = store.tasks.get("orders")
        Door(folder).arrive(store, task, "test", sent)
        two = loop(store, task)
        state, _ = go_on(two, current(two))
        seen = store.observations.find(one.observation for one in open_questions(store, "orders"))
        said = [
            Label(
                place,
                "leak" if b"leak" in store.inputs.get(one.input) else "ok",
                "person:a",
                now(),
                task.costs.label,
            )
            for place, one in seen.items()
        ]
        answer(store, "orders", said, at=now(), new_labels=False)
        state, _ = go_on(two, state)
        assert state.released is not None, state.reason
        token = store.tokens.add("press", "edge", now())[1]
    return folder, {"Authorization": f"Bearer {token}"}


def test_an_edge_fetches_what_is_deployed_and_decides_alike(
    released: tuple[Path, dict[str, str]],
) -> None:
    folder, edge = released
    with client_of(folder) as client:
        deployed = client.get(f"{PATH}/releases/deployed", headers=edge).json()
        file = client.get(f"{PATH}/releases/{deployed['model']}/file", headers=edge)
        assert file.headers["etag"] == f'"{deployed["model"]}"'
        assert digest_bytes(file.content) == deployed["model"]
        assert len(file.content) == deployed["size"]
        text = b"oil leak number 99"
        headers = edge | {"Content-Type": "text/plain"}
        seen = client.post(f"{PATH}/observations", content=text, headers=headers).json()
        (own,) = Runtime(file.content).decide([text])
        assert seen["decision"]["label"] == own.label == "leak"
        assert seen["decision"]["model"] == deployed["model"]
        assert seen["decision"]["probabilities"] == pytest.approx(own.probabilities)
        assert (seen["place"] is None) == (seen["kept"] is None)

        with Store.open(folder) as store:
            key = f"{REVOKED}/{deployed['model']}"
            store.journal.append(REVOKED, task="orders", turn=-1, key=key, at=now())
        gone = client.get(f"{PATH}/releases/{deployed['model']}/file", headers=edge)
        assert gone.status_code == 404
        assert client.get(f"{PATH}/releases/deployed", headers=edge).status_code == 404
