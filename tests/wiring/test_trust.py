"""A workspace signs what it releases, and a device takes it, over the server itself."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from onnx_models import onnx_bytes
from serving_workspace import on_a_thread
from trusting import INPUTS

from twoloops.edge.metadata import to_properties
from twoloops.edge.trust.refusing import Outcome
from twoloops.edge.trust.updating import begin as enrol
from twoloops.edge.trust.updating import update
from twoloops.records.assignment import EVERYONE, Golden, golden_path
from twoloops.records.base import ModelCard
from twoloops.records.dataset import Dataset, Item
from twoloops.records.digests import Digest, digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.gate import Verdict
from twoloops.records.preprocess import Preprocess, Window
from twoloops.records.task import Task
from twoloops.server.signing import Signer
from twoloops.store.trust.repository import target_file
from twoloops.store.workspace import Store
from twoloops.wiring import trust, trust_keys
from twoloops.wiring.revoking import revoke
from twoloops.wiring.workspace import now


def release(store: Store, turn: int) -> Digest:
    """Release a model of its own for each turn, with golden inputs."""
    items = [
        Item(turn, store.inputs.put(data, "signal"), "good", "golden", False, -1, f"g{n}")
        for n, data in enumerate(INPUTS)
    ]
    dataset = Dataset.of("fan", items)
    store.datasets.put(dataset, turn)
    card = ModelCard(
        "fan", ("crack", "good"), "good", 0.4, "base", "sha256:0", "head", dataset.digest
    )
    properties = to_properties(Preprocess((Window(2, 1),)), {}, card)
    model = store.models.put(onnx_bytes(properties, scale=float(turn)), card, turn)
    verdict = Verdict(True, "first", "released: it is better", 1.0, 0, 0.0)
    store.releases.approve("fan", turn, model, verdict, now())
    return model


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "ws") as made:
        made.tasks.put(Task("fan", "signal", ("crack", "good"), "good", shape=(2, 1)))
        yield made


@pytest.fixture
def folder(tmp_path: Path, store: Store) -> Path:
    trust.begin(tmp_path / "ws", now())
    return tmp_path / "ws"


def test_a_release_goes_to_everyone_and_doing_it_again_changes_nothing(folder, store) -> None:
    model = release(store, 1)
    done = trust.publish(folder, store, now())
    assert done.models == (model,)
    assert [(one.group, one.model, one.mode) for one in done.assigned] == [
        (EVERYONE, model, "full")
    ]
    assert trust.publish(folder, store, now()) == trust.Published()
    second = release(store, 2)
    (made,) = trust.publish(folder, store, now()).assigned
    assert made.model == second
    assert made.counter > done.assigned[0].counter
    facts = [one.body["model"] for one in store.journal.facts() if one.kind == "model assigned"]
    assert facts == [model, second]


def test_who_assigned_by_hand_is_left_alone_until_the_model_is_revoked(folder, store) -> None:
    first, second = release(store, 1), release(store, 2)
    trust.publish(folder, store, now())
    made = trust.assign(folder, store, "fan", "canary", first, "canary", now())
    held = trust.assign(folder, store, "fan", EVERYONE, first, "full", now())
    assert held.counter > made.counter
    third = release(store, 3)
    assert trust.publish(folder, store, now()).assigned == ()
    revoke(store, store.models.find(first), "wrong labels")
    done = trust.publish(folder, store, now())
    assert {(one.group, one.model) for one in done.assigned} == {
        ("canary", third),
        (EVERYONE, third),
    }
    assert done.withdrawn == (first,)
    with pytest.raises(UserError, match="is no release of task 'fan' that holds"):
        trust.assign(folder, store, "fan", "canary", first, "full", now())
    assert trust.assign(folder, store, "fan", "canary", second, "shadow", now()).mode == "shadow"


def test_devices_are_told_to_look_when_a_model_is_revoked_though_nothing_else_is_assigned(
    folder, store
) -> None:
    assert trust.latest_counter(folder, "fan", EVERYONE) == 0
    model = release(store, 1)
    (order,) = trust.publish(folder, store, now()).assigned
    assert trust.latest_counter(folder, "fan", EVERYONE) == order.counter
    assert trust.latest_counter(folder, "fan", "hall-9") == 0, "nobody assigned anything to it"
    revoke(store, store.models.find(model), "wrong labels")
    done = trust.publish(folder, store, now())
    assert (done.assigned, done.withdrawn) == ((), (model,))
    after = trust.latest_counter(folder, "fan", EVERYONE)
    assert after > order.counter
    assert trust.latest_counter(folder, "fan", "hall-9") == after
    trust.publish(folder, store, now() + timedelta(days=3))
    assert trust.latest_counter(folder, "fan", EVERYONE) == after, "signed again, and nothing new"


def test_a_forgotten_input_leaves_the_golden_inputs(folder, store) -> None:
    model = release(store, 1)
    trust.publish(folder, store, now())
    known = trust.repository(folder)
    info = known.listed()[golden_path(model)]
    path = known.targets / target_file(info)
    assert len(msgspec.json.decode(path.read_bytes(), type=Golden).inputs) == len(INPUTS)
    store.forget(digest_bytes(INPUTS[0]), now())
    trust.publish(folder, store, now())
    assert not path.exists()
    made = known.targets / target_file(known.listed()[golden_path(model)])
    assert INPUTS[0] not in msgspec.json.decode(made.read_bytes(), type=Golden).inputs


def test_the_server_signs_what_is_new_and_what_would_expire(folder, store) -> None:
    signer = Signer(folder)
    model = release(store, 1)
    store.journal.append("release approved", task="fan", turn=1, key="r", at=now())
    signer.look(store)
    assert trust.assignments(folder)["fan", EVERYONE].model == model
    late = now() + timedelta(days=1)
    assert trust.publish(folder, store, late).signed == ("timestamp",)


def test_a_device_follows_the_server_itself(folder, store, tmp_path: Path) -> None:
    token = store.tokens.add("press", "edge", now())[1]
    shown = trust_keys.show(folder)
    device = tmp_path / "device"
    enrol(device, shown.root_digest, "fan")

    def updated(secret: str = token) -> Outcome:
        return update(device, url, secret, now)

    with on_a_thread(folder) as url:
        trust.publish(folder, store, now())
        assert updated().did == "unchanged"
        first = release(store, 1)
        trust.publish(folder, store, now())
        assert (updated().active, updated().did) == (first, "unchanged")
        second = release(store, 2)
        trust_keys.offline(folder, tmp_path / "stick")
        (stick,) = (tmp_path / "stick").iterdir()
        for role in ("timestamp", "root", "targets"):
            made = trust_keys.rotate(folder, role, [stick], now())
            stick = Path(made.file) if made.file else stick
        trust.publish(folder, store, now())
        assert updated().active == second
        revoke(store, store.models.find(second), "wrong labels")
        trust.publish(folder, store, now())
        assert updated().active == first
        outcome = updated("stolen and revoked")
        assert (outcome.refusal, outcome.active) == ("unreachable", first)
        assert "answered 401" in outcome.why


def test_root_taken_offline_is_needed_to_replace_keys_and_for_nothing_else(
    folder, store, tmp_path: Path
) -> None:
    assert not trust_keys.show(folder).offline
    with pytest.raises(UserError, match="lies in the workspace"):
        trust_keys.offline(folder, folder / "stick")
    (stick,) = trust_keys.offline(folder, tmp_path / "stick")
    assert trust_keys.show(folder).offline
    with pytest.raises(UserError, match="offline already"):
        trust_keys.offline(folder, tmp_path / "stick")
    release(store, 1)
    trust.publish(folder, store, now() + timedelta(days=40))
    before = trust_keys.show(folder)
    with pytest.raises(UserError, match="--root-key FILE"):
        trust_keys.rotate(folder, "targets", [], now())
    assert trust_keys.show(folder) == before
    made = trust_keys.rotate(folder, "targets", [stick], now())
    assert (made.role, made.root_version) == ("targets", 2)
    assert len(list((folder / "trust" / "keys").iterdir())) == 3
    again = trust_keys.rotate(folder, None, [stick], now())
    assert (again.key, again.root_version) == (None, 3)
    with pytest.raises(UserError, match="is no role"):
        trust_keys.rotate(folder, "mirror", [stick], now())


def test_of_several_root_keys_one_is_named_to_be_replaced(store, tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    assert trust.begin(folder, now(), 3, 2)
    assert not trust.begin(folder, now())
    with pytest.raises(UserError, match="--old KEY"):
        trust_keys.rotate(folder, "root", [], now())
    old = trust_keys.show(folder).roles[0].keys[0]
    made = trust_keys.rotate(folder, "root", [], now(), old[:16])
    root = trust_keys.show(folder).roles[0]
    assert old not in root.keys
    assert made.key in root.keys
    assert len(root.here) == 3


def test_signing_before_it_was_begun_says_how(store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="twoloops keys init"):
        trust.publish(tmp_path / "ws", store, now())
    with pytest.raises(UserError, match="twoloops keys init"):
        trust_keys.show(tmp_path / "ws")
