"""The attack table of releases: each is tried, refused with its own words, and changes nothing."""

import json
import time
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from trusting import AT, QUICK, TASK, Device, Signing
from tuf.api.metadata import Metadata, Root, TargetFile
from tuf.api.serialization.json import JSONSerializer

from twoloops.edge.metadata import to_properties
from twoloops.edge.trust import pointer
from twoloops.edge.trust.refusing import Kind, Outcome
from twoloops.edge.trust.updating import begin
from twoloops.records.assignment import Assignment, assignment_path, golden_path, model_path
from twoloops.records.base import ModelCard
from twoloops.records.digests import Digest, digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.preprocess import Preprocess, Window
from twoloops.store.trust import keys

DAY = timedelta(days=1)


@pytest.fixture
def first(signs: Signing, device: Device, models: list[bytes]) -> Digest:
    """The model that the device runs before it is attacked."""
    digest = signs.release(models[0])
    signs.assign(digest)
    assert device.update().did == "updated"
    return digest


def refused(device: Device, outcome: Outcome, kind: Kind, words: str, active: Digest) -> None:
    """An attack ends so: by its own name and words, and what ran runs."""
    assert (outcome.did, outcome.refusal) == ("refused", kind), outcome.why
    assert words in outcome.why
    assert outcome.active == active == pointer.load(device.folder).active
    assert pointer.whole(device.folder, active)


def metadata(signs: Signing, name: str) -> bytes:
    return (signs.folder / "metadata" / name).read_bytes()


def version(signs: Signing, role: str) -> int:
    found = signs.repository.known(role)
    assert found is not None
    return int(found.signed.version)


def edited(data: bytes) -> bytes:
    """Metadata with a later expiry, under its old signatures."""
    said = json.loads(data)
    said["signed"]["expires"] = "2031-01-01T00:00:00Z"
    return json.dumps(said).encode()


def second(signs: Signing, models: list[bytes]) -> Digest:
    digest = signs.release(models[1])
    signs.assign(digest)
    return digest


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_tampered_metadata(signs, device, models, first, role) -> None:
    second(signs, models)
    name = "timestamp.json" if role == "timestamp" else f"{version(signs, role)}.{role}.json"
    signs.answer(name, edited(metadata(signs, name)))
    refused(device, device.update(), "tampered", "was changed after it was signed", first)


def test_metadata_that_is_none(signs, device, first) -> None:
    signs.answer("timestamp.json", b"[" * 10_000)
    refused(device, device.update(), "tampered", "is no metadata of TUF", first)


def test_a_tampered_model(signs, device, models, first) -> None:
    digest = second(signs, models)
    data = bytearray(models[1])
    data[-1] ^= 1
    signs.answer(f".{digest[7:]}.onnx", bytes(data))
    refused(device, device.update(), "tampered", "is not the file that was signed", first)


def test_a_timestamp_rolled_back(signs, device, models, first) -> None:
    old = metadata(signs, "timestamp.json")
    second(signs, models)
    signs.repository.refresh(AT + 2 * DAY)
    assert device.update(AT + 2 * DAY).did == "updated"
    signs.answer("timestamp.json", old)
    active = digest_bytes(models[1])
    refused(device, device.update(AT + 2 * DAY), "rolled back", "timestamp is older", active)


def test_a_snapshot_rolled_back(signs, device, models, first) -> None:
    snapshot = version(signs, "snapshot")
    active = second(signs, models)
    device.update()

    def back(signed):
        signed.version += 1
        signed.snapshot_meta.version = snapshot

    signs.answer("timestamp.json", signs.resigned("timestamp", back))
    refused(device, device.update(), "rolled back", "snapshot is older", active)


def test_targets_rolled_back(signs, device, models, first) -> None:
    active = second(signs, models)
    device.update()

    def back(signed):
        signed.version += 1
        signed.meta["targets.json"].version -= 1

    data = signs.resigned("snapshot", back)
    number = version(signs, "snapshot") + 1

    def point(signed):
        signed.version += 1
        signed.snapshot_meta.version = number
        signed.snapshot_meta.length = len(data)
        signed.snapshot_meta.hashes = {"sha256": digest_bytes(data)[7:]}

    signs.answer(f"{number}.snapshot.json", data)
    signs.answer("timestamp.json", signs.resigned("timestamp", point))
    refused(device, device.update(), "rolled back", "targets is older", active)


def test_metadata_rolled_back_after_a_power_cut_lost_what_the_client_kept(
    signs, device, models, first
) -> None:
    old = {path.name: path.read_bytes() for path in (signs.folder / "metadata").glob("*.json")}
    active = second(signs, models)
    device.update()
    for name in ("timestamp", "snapshot", "targets"):
        (device.folder / "metadata" / f"{name}.json").write_bytes(b"")
    signs.answer("timestamp.json", old["timestamp.json"])
    refused(device, device.update(), "rolled back", "is older", active)


def test_an_assignment_rolled_back(signs, device, models, first) -> None:
    old = signs.assign(first)
    active = second(signs, models)
    device.update()
    signs.assign(first, counter=old.counter)
    refused(device, device.update(), "rolled back", f"assignment {old.counter} is not", active)


def test_another_assignment_under_the_same_counter(signs, device, models, first) -> None:
    active = second(signs, models)
    counter = device.update().counter
    signs.assign(first, counter=counter)
    refused(device, device.update(), "rolled back", "sign a new one to go back", active)


@pytest.mark.parametrize(("days", "role"), [(8, "timestamp"), (366, "root")])
def test_a_freeze(signs, device, first, days, role) -> None:
    refused(device, device.update(AT + days * DAY), "expired", f"{role} has expired", first)


def test_an_expired_snapshot_under_a_fresh_timestamp(signs, device, first) -> None:
    late = AT + 15 * DAY

    def again(signed):
        signed.version += 1
        signed.expires = late + DAY

    signs.answer("timestamp.json", signs.resigned("timestamp", again))
    refused(device, device.update(late), "expired", "snapshot has expired", first)


def test_mix_and_match(signs, device, models, first) -> None:
    second(signs, models)
    third = signs.release(models[2])
    signs.assign(third)
    number = version(signs, "snapshot")
    signs.answer(f"{number}.snapshot.json", metadata(signs, f"{number - 1}.snapshot.json"))
    refused(device, device.update(), "mixed", "not the one that goes with the others", first)


def test_endless_metadata(signs, device, first) -> None:
    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b" " * 65536)

    signs.lies["timestamp.json"] = endless
    refused(device, device.update(), "too large", "goes on after its last byte", first)


def test_an_endless_model(signs, device, models, first) -> None:
    digest = second(signs, models)

    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(models[1])

    signs.lies[f".{digest[7:]}.onnx"] = endless
    refused(device, device.update(), "too large", "goes on after its last byte", first)


def test_slow_data(signs, device, first) -> None:
    def trickle(handler):
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b" ")
            time.sleep(0.05)

    signs.lies["timestamp.json"] = trickle
    start = time.monotonic()
    refused(device, device.update(limits=QUICK), "too slow", "bytes in", first)
    assert time.monotonic() - start < 30, "it would trickle for ever"


def test_silence(signs, device, first) -> None:
    signs.lies["timestamp.json"] = lambda _: time.sleep(2)
    refused(device, device.update(limits=QUICK), "too slow", "was silent", first)


def test_a_wrong_key(signs, device, first) -> None:
    found = signs.repository.known("timestamp")
    forged = Metadata.from_bytes(found.data)
    forged.signed.version += 1
    forged.signatures.clear()
    forged.sign(keys.make())
    signs.answer("timestamp.json", forged.to_bytes(JSONSerializer()))
    refused(device, device.update(), "wrong key", "does not trust for 'timestamp'", first)


def test_too_few_signatures(signs, device, first) -> None:
    other = keys.make()
    path = keys.save(signs.repository.keys, other)
    root = keys.found(signs.repository.keys, signs.repository.root().signed.roles["root"].keyids)

    def two(made: Root) -> None:
        made.add_key(other.public_key, "timestamp")
        made.roles["timestamp"].threshold = 2

    signs.repository.sign_root(two, root, AT)
    path.unlink()
    found = signs.repository.known("timestamp")
    signs.answer("timestamp.json", found.data)
    refused(device, device.update(), "too few signatures", "1 of the 2 signatures", first)


def rotated(signs: Signing, role: str) -> bytes:
    """Replace a role's key; the root as made without the new key's signature comes back."""
    new = keys.make()
    keys.save(signs.repository.keys, new)
    root = signs.repository.root()
    old = keys.found(signs.repository.keys, root.signed.roles["root"].keyids)
    gone = root.signed.roles[role].keyids[0]

    def change(made: Root) -> None:
        made.add_key(new.public_key, role)
        made.revoke_key(gone, role)

    signs.repository.sign_root(change, [*old, new] if role == "root" else old, AT)
    forged = signs.repository.root()
    forged.signatures = {
        keyid: one
        for keyid, one in forged.signatures.items()
        if keyid in root.signed.roles["root"].keyids
    }
    signs.repository.refresh(AT)
    return forged.to_bytes(JSONSerializer())


@pytest.mark.parametrize("role", ["root", "targets", "snapshot", "timestamp"])
def test_a_key_rotated_with_the_root_is_followed(signs, device, models, first, role) -> None:
    rotated(signs, role)
    active = second(signs, models)
    outcome = device.update()
    assert (outcome.did, outcome.active) == ("updated", active), outcome.why
    assert (
        json.loads((device.folder / "metadata" / "root.json").read_bytes())["signed"]["version"]
        == 2
    )


def test_a_root_rotated_with_the_old_key_only(signs, device, models, first) -> None:
    signs.answer("2.root.json", rotated(signs, "root"))
    second(signs, models)
    refused(device, device.update(), "too few signatures", "not with its own", first)


def test_a_root_signed_by_somebody_else(signs, device, first) -> None:
    thief = keys.make()
    made = signs.repository.root()
    made.signed.version += 1
    made.signatures.clear()
    made.sign(thief)
    signs.answer("2.root.json", made.to_bytes(JSONSerializer()))
    refused(device, device.update(), "wrong key", "does not trust for 'root'", first)


def test_another_root_than_the_one_enrolled_with(tmp_path: Path, signs, models) -> None:
    signs.assign(signs.release(models[0]))
    device = Device(tmp_path / "new", signs)
    other = "sha256:" + "0" * 64
    begin(tmp_path / "other", other, TASK)
    device.folder = tmp_path / "other"
    outcome = device.update()
    assert (outcome.refusal, outcome.active) == ("unknown root", None)
    assert "has no root metadata with digest 000000000000" in outcome.why


def test_an_assignment_of_another_task(signs, device, models, first) -> None:
    signs.assign(signs.release(models[1]), task="pump")
    refused(device, device.update(), "wrong task", "is for task 'pump'", first)


def test_a_model_released_for_another_task(signs, device, models, first) -> None:
    signs.assign(signs.release(models[1], task="pump"))
    refused(device, device.update(), "wrong task", "task 'pump'", first)


def test_a_model_whose_own_card_says_another_task(signs, device, make_model, card, first) -> None:
    other: ModelCard = msgspec.structs.replace(card, task="pump")
    data = make_model(to_properties(Preprocess((Window(2, 1),)), {}, other))
    signs.assign(signs.release(data))
    refused(device, device.update(), "wrong task", "is for task 'pump'", first)


def test_an_assignment_of_another_group(signs, device, models, first) -> None:
    signs.assign(signs.release(models[1]), group="canary")
    refused(device, device.update(), "mixed", "is for group 'canary'", first)


def test_a_revoked_model(signs, device, models, first) -> None:
    digest = signs.release(models[1])
    signs.revoke(digest)
    signs.assign(digest)
    refused(device, device.update(), "revoked", "is assigned and was revoked", first)


def test_a_revocation_taken_back(signs, device, models, first) -> None:
    digest = signs.release(models[1])
    signs.revoke(digest)
    device.update()
    signs.revoke()
    signs.assign(digest)
    refused(device, device.update(), "rolled back", "never taken back", first)


def test_an_assignment_to_a_digest_nobody_released(signs, device, first) -> None:
    signs.assign("sha256:" + "ab" * 32)
    refused(device, device.update(), "unknown model", "has no golden inputs signed", first)


def test_an_assignment_to_a_model_without_a_file(signs, device, models, first) -> None:
    digest = second(signs, models)
    signs.sign({model_path(digest): None})
    refused(device, device.update(), "unknown model", "was never released", first)


def test_oversized_metadata(signs, device, models, first) -> None:
    second(signs, models)
    number = version(signs, "targets")
    name = f"{number}.targets.json"
    signs.answer(name, metadata(signs, name) + b" ")
    refused(device, device.update(), "too large", "goes on after its last byte", first)


def test_a_model_larger_than_any_may_be(signs, device, models, first) -> None:
    digest = second(signs, models)
    name = model_path(digest)
    huge = TargetFile(10**12, {"sha256": digest[7:]}, name, {"custom": {"task": TASK}})
    signs.sign({name: huge})
    refused(device, device.update(), "too large", "are allowed of its kind", first)


def test_sent_elsewhere(signs, device, first) -> None:
    signs.answer("timestamp.json", b"", 302, Location=f"{signs.url}/stolen")
    refused(device, device.update(), "sent elsewhere", "redirects are not followed", first)
    assert "/stolen" not in signs.asked


def test_a_compressed_answer(signs, device, first) -> None:
    signs.answer("timestamp.json", b"x" * 100, Content_Encoding="gzip")
    refused(device, device.update(), "unreadable", "is compressed (gzip)", first)


@pytest.mark.parametrize("name", ["../../pointer.json", "sha256:../../../x", "models/x\0"])
def test_path_tricks_in_the_name_of_a_model(signs, device, first, name) -> None:
    signs.assign(name)
    refused(device, device.update(), "unreadable", "names no model", first)


def test_path_tricks_in_the_name_of_a_target_are_not_signed(signs, models) -> None:
    for name in ("../x.json", "a//b.json", "/etc/x", "golden/..%2f.json", ".hidden"):
        with pytest.raises(ValueError, match="is no name of a target"):
            signs.repository.put(name, b"", {})


@pytest.mark.parametrize("group", ["../x", "a/b", "", "A", ".x", "a..b", "x" * 65])
def test_path_tricks_in_the_name_of_a_group(tmp_path: Path, group) -> None:
    with pytest.raises(UserError, match="is no name of a group"):
        begin(tmp_path / "device", "sha256:" + "0" * 64, TASK, group)


def test_a_golden_target_of_another_model(signs, device, models, first) -> None:
    digest = second(signs, models)
    listed = signs.targets
    other = listed[golden_path(first)]
    data = signs.folder / "targets" / "golden" / f"{other.hashes['sha256']}.{first[7:]}.json"
    made = signs.repository.put(golden_path(digest), data.read_bytes(), {})
    signs.sign({golden_path(digest): made})
    refused(device, device.update(), "self-test", "are not those of model", first)


def test_an_assignment_with_fields_unknown_here(signs, device, models, first) -> None:
    digest = signs.release(models[1])
    order = Assignment(
        task=TASK, group="all", counter=signs.repository.next_version(), model=digest, mode="full"
    )
    data = msgspec.json.encode(msgspec.to_builtins(order) | {"until": "noon"})
    name = assignment_path(TASK, "all")
    signs.sign({name: signs.repository.put(name, data, {})})
    refused(device, device.update(), "unreadable", "upgrade twoloops here", first)


def test_the_token_goes_to_no_other_server_and_a_missing_server_changes_nothing(
    signs, device, first
) -> None:
    signs.url = "http://127.0.0.1:9"
    refused(device, device.update(), "unreachable", "cannot be reached", first)
