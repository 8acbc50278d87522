"""What an edge fetches decides as the server does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from served import Served as Process
from serving_workspace import client_of

import twoloops
from twoloops.cli.main import SERVER
from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.workspace_turn import current, go_on, keep_policy
from twoloops.edge.enrolling import Enrol, enrol
from twoloops.edge.process import first_standing
from twoloops.edge.runtime import Runtime
from twoloops.physical.labelling.answers import answer
from twoloops.physical.labelling.questions import open_questions
from twoloops.records.digests import digest_bytes
from twoloops.records.label import Label
from twoloops.records.task import Task
from twoloops.store.models import REVOKED
from twoloops.store.workspace import Store
from twoloops.wiring import trust
from twoloops.wiring.arriving import Door, Sent
from twoloops.wiring.floor import floor
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
        trust.begin(folder, now())
        trust.publish(folder, store, now())
    return folder, {"Authorization": f"Bearer {token}"}


def test_a_running_edge_takes_the_release_without_dropping_a_decision(
    released: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    folder, _ = released
    verdicts, home = tmp_path / "verdicts.jsonl", tmp_path / "edge"
    (tmp_path / "lines.txt").write_text("".join(f"oil leak number {n}\n" for n in range(150)))
    with Process(folder) as server:
        enrol(home, server.url, server.token("press-4", "edge"), Enrol("orders"), first_standing())
        # As on a device: nothing of the extra `server` can be imported there.
        bare = f"import sys\nsys.modules |= dict.fromkeys({sorted(SERVER)!r})\n"
        words = ["edge", "run", "--task", "orders", "--source", f"file:{tmp_path / 'lines.txt'}"]
        words += ["--folder", str(home), "--sink", f"jsonl:{verdicts}", "--every", "0.02"]
        done = subprocess.run(
            [sys.executable, "-c", f"{bare}from twoloops.cli.main import run\nrun({words!r})"],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, "PYTHONPATH": str(Path(twoloops.__file__).parents[1])},
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "decides now; before: none" in done.stdout
        said = [json.loads(line) for line in verdicts.read_text().splitlines()]
        assert [one["key"] for one in said] == [f"lines.txt:{n}" for n in range(1, 151)]
        labels = [one["label"] for one in said]
        decided = labels.index("leak")
        assert 0 < decided < 150
        assert labels == [None] * decided + ["leak"] * (150 - decided)
        with server.store() as store:
            (edge,) = floor(store)
            assert edge.standing is not None
            assert edge.standing.release == store.releases.deployed("orders").model
            kept = [one for one in said if one["place"] is not None]
            assert edge.stored == len(kept)
            assert edge.gaps == ()


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
