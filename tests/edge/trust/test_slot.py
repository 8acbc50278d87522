"""The slot: no decision is dropped at a swap, and a bad model is left for the one before."""

import threading
from pathlib import Path

import msgspec
import pytest
from trusting import AT, INPUTS, Device, Signing, window

from twoloops.edge.runtime import Runtime
from twoloops.edge.trust import pointer, slot
from twoloops.edge.trust.slot import Slot
from twoloops.edge.trust.updating import begin, roll_back
from twoloops.records.digests import Digest
from twoloops.records.errors import UserError


@pytest.fixture
def two(signs: Signing, device: Device, models: list[bytes]) -> tuple[Digest, Digest]:
    """A confirmed model, and one on trial after it."""
    old, new = signs.release(models[0]), signs.release(models[1])
    signs.assign(old)
    device.update()
    confirm(device.folder)
    signs.assign(new)
    assert device.update().did == "updated"
    return old, new


def confirm(folder: Path) -> None:
    pointer.save(folder, msgspec.structs.replace(pointer.load(folder), trial=None))


def opened(device: Device, **other: object) -> Slot:
    return Slot(device.folder, lambda: AT, **other)


def test_decisions_go_on_through_a_swap(signs, device, models) -> None:
    old, new = signs.release(models[0]), signs.release(models[1])
    signs.assign(old)
    device.update()
    deciding = opened(device)
    by, stop, failed = [], threading.Event(), []

    def decide() -> None:
        while not stop.is_set():
            try:
                by.extend(one.model for one in deciding.decide([INPUTS[0]]))
            except Exception as error:
                failed.append(error)

    thread = threading.Thread(target=decide)
    thread.start()
    try:
        while not by:
            pass
        signs.assign(new)
        device.update()
        assert deciding.follow()
        count = len(by)
        while len(by) < count + 5:
            pass
    finally:
        stop.set()
        thread.join()
    assert failed == []
    assert by == sorted(by, key=[old, new].index)
    assert set(by) == {old, new}


def test_a_model_is_confirmed_after_its_probation(device, two) -> None:
    deciding = opened(device)
    for _ in range(slot.PROBATION // 2 + 1):
        deciding.decide(INPUTS[:2])
    assert pointer.load(device.folder).trial is None
    assert deciding.model == two[1]


def test_a_model_that_misses_the_takt_is_left(device, two) -> None:
    ticks = iter(range(10_000))
    deciding = opened(device, takt=0.5, timer=lambda: float(next(ticks)))
    made = [deciding.decide([INPUTS[0]])[0].model for _ in range(slot.LATE + 2)]
    assert made == [two[1]] * slot.LATE + [two[0]] * 2
    known = pointer.load(device.folder)
    assert (known.active, known.previous) == (two[0], None)
    assert "missed the takt" in known.why
    again = device.update()
    assert (again.refusal, again.active) == ("self-test", two[0])


def test_a_slow_machine_alone_leaves_no_model_that_proved(signs, device, models) -> None:
    digest = signs.release(models[0])
    signs.assign(digest)
    device.update()
    confirm(device.folder)
    ticks = iter(range(10_000))
    deciding = opened(device, takt=0.5, timer=lambda: float(next(ticks)))
    assert {deciding.decide([INPUTS[0]])[0].model for _ in range(20)} == {digest}


def test_a_model_that_fails_where_the_one_before_does_not_is_left(
    device, two, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Runtime.decide

    def fails(self: Runtime, inputs: object) -> object:
        if self.digest == two[1]:
            raise RuntimeError("out of memory")
        return real(self, inputs)

    deciding = opened(device)
    monkeypatch.setattr(Runtime, "decide", fails)
    assert deciding.decide([INPUTS[0]])[0].model == two[0]
    assert pointer.load(device.folder).active == two[0]


def test_an_input_nobody_can_read_is_no_fault_of_the_model(device, two) -> None:
    deciding = opened(device)
    with pytest.raises(UserError):
        deciding.decide([b"not an array"])
    assert deciding.model == two[1]


def test_a_model_that_ends_the_process_twice_is_left(device, two) -> None:
    assert [opened(device).model for _ in range(slot.STARTS + 1)] == [two[1], two[1], two[0]]
    assert "ended 2 starts" in pointer.load(device.folder).why


def test_a_model_that_does_not_load_is_left(device, two) -> None:
    pointer.model_file(device.folder, two[1]).write_bytes(b"damaged")
    deciding = opened(device)
    assert deciding.model == two[0]
    assert "does not load" in (deciding.went_back or "")


def test_a_disk_that_is_full_costs_no_decision(device, two, monkeypatch) -> None:
    deciding = opened(device, takt=0.5, timer=iter(map(float, range(10_000))).__next__)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        for _ in range(slot.LATE):
            deciding.decide([INPUTS[0]])
        assert deciding.decide([INPUTS[0]])[0].model == two[0]
        assert pointer.load(device.folder).active == two[1]
    deciding.follow()
    assert deciding.model == two[0] == pointer.load(device.folder).active


def test_going_back_needs_no_network_and_only_goes_to_what_may_be(signs, device, two) -> None:
    old, new = two
    asked = len(signs.asked)
    assert roll_back(device.folder, "bad weld calls", AT).active == old
    assert len(signs.asked) == asked
    with pytest.raises(UserError, match="there is no model before"):
        roll_back(device.folder, "again", AT)
    signs.assign(new)
    assert device.update().active == new, "a later assignment tries again"
    signs.revoke(old)
    device.update()
    with pytest.raises(UserError, match="there is no model before"):
        roll_back(device.folder, "again", AT)


def test_expired_metadata_stops_updates_and_no_decision(signs, device, two) -> None:
    from datetime import timedelta

    assert device.update(AT + timedelta(days=400)).refusal == "expired"
    assert opened(device).decide([INPUTS[0]])[0].model == two[1]


def test_a_revoked_model_stops_counting_even_if_nothing_replaces_it(signs, device, two) -> None:
    old, new = two
    signs.revoke(new)
    outcome = device.update()
    assert (outcome.refusal, outcome.active) == ("revoked", old)
    signs.revoke(new, old)
    device.update()
    deciding = opened(device)
    assert deciding.model is None
    with pytest.raises(UserError, match="no model counts"):
        deciding.decide([INPUTS[0]])


def test_in_shadow_the_other_model_counts(signs, device, models, two) -> None:
    old, new = two
    third = signs.release(models[2])
    signs.assign(third, mode="shadow")
    outcome = device.update()
    assert (outcome.did, outcome.active, outcome.shadow) == ("shadowed", new, third)
    deciding = opened(device)
    assert deciding.decide([INPUTS[0]])[0].model == new
    assert deciding.shadow is not None
    assert deciding.shadow.digest == third
    signs.assign(third, mode="shadow", counts=old)
    assert device.update().active == old


def test_a_self_test_that_fails_leaves_the_model_where_it_is(signs, device, models, two) -> None:
    bad = signs.release(models[2], wrong=0.2)
    signs.assign(bad)
    outcome = device.update()
    assert (outcome.refusal, outcome.active) == ("self-test", two[1])
    assert "answers golden inputs otherwise" in outcome.why
    assert "is not tried again" in device.update().why


def test_a_self_test_holds_the_takt(signs, device, models, two) -> None:
    signs.assign(signs.release(models[2]))
    outcome = device.update(takt=1e-9)
    assert (outcome.refusal, outcome.active) == ("takt", two[1])


def test_a_model_whose_golden_inputs_were_all_forgotten_is_loaded_alone(
    signs, device, models
) -> None:
    digest = signs.release(models[0], inputs=())
    signs.assign(digest)
    assert device.update().active == digest


def test_a_device_without_enrolment_says_how(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="twoloops edge enrol"):
        Slot(tmp_path / "nowhere", lambda: AT)


def test_enrolling_again_changes_the_group_alone(signs, device) -> None:
    root = signs.repository.root_digest()
    assert begin(device.folder, root, "fan", "canary").group == "canary"
    with pytest.raises(UserError, match="enrol in an empty folder"):
        begin(device.folder, root, "pump")


def test_an_input_of_a_file_is_decided_as_always(device, two) -> None:
    assert opened(device).decide([window(0, 9)])[0].label == "good"
