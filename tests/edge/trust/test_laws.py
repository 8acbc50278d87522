"""Laws: counters never go back, and a device killed anywhere has the old state or the new one."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trusting import AT, Device, Signing, signing

from twoloops.edge.trust import pointer
from twoloops.edge.trust.pointer import Pointer
from twoloops.edge.trust.updating import roll_back
from twoloops.records.digests import Digest
from twoloops.records.errors import UserError

STEPS = ("replace", "fsync", "open", "unlink")


class Killed(BaseException):
    """The process ends here."""


@contextmanager
def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Raise at the n-th call to the file system, and at every one after it, as the dead do."""
    count = [0]

    def counting(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **names: object) -> object:
            count[0] += 1
            if count[0] >= step:
                raise Killed
            return real(*args, **names)

        return call

    with monkeypatch.context() as patch:
        for name in STEPS:
            patch.setattr(os, name, counting(getattr(os, name)))
        yield count


def holds(folder: Path) -> Pointer:
    """What must be true of a device's folder at any time."""
    known = pointer.load(folder)
    for model in known.named:
        assert pointer.whole(folder, model)
    assert known.active not in known.revoked
    assert known.previous not in known.revoked
    assert not known.named - set(known.verified)
    return known


def test_killed_at_any_step_of_an_update_the_next_one_goes_on(
    tmp_path: Path, signs: Signing, models: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = signs.release(models[0]), signs.release(models[1])
    signs.assign(old)
    device = Device(tmp_path / "device", signs)
    device.update()
    step, done, actives = 0, False, set()
    while not done:
        step += 1
        signs.assign(new if step % 2 else old)
        before = pointer.load(device.folder)
        with killed_at(step, monkeypatch) as count:
            try:
                device.update()
                done = count[0] < step
            except Killed:
                pass
        after = holds(device.folder)
        assert after.counter >= before.counter
        actives.add(after.active)
        outcome = device.update()
        assert outcome.refusal is None, outcome.why
        assert outcome.active == (new if step % 2 else old)
        holds(device.folder)
    assert step > 15
    assert actives == {old, new}


def test_killed_at_any_step_of_going_back(
    tmp_path: Path, signs: Signing, models: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = signs.release(models[0]), signs.release(models[1])
    signs.assign(old)
    device = Device(tmp_path / "device", signs)
    device.update()
    pointer.save(device.folder, msgspec.structs.replace(pointer.load(device.folder), trial=None))
    signs.assign(new)
    device.update()
    saved = (device.folder / pointer.POINTER).read_bytes()
    for step in range(1, 20):
        (device.folder / pointer.POINTER).write_bytes(saved)
        with killed_at(step, monkeypatch) as count:
            try:
                roll_back(device.folder, "try", AT)
                if count[0] < step:
                    break
            except Killed:
                pass
        assert holds(device.folder).active in (old, new)
    else:
        pytest.fail("going back never ended")
    assert holds(device.folder).active == old
    assert step > 3


ACT = st.one_of(
    st.tuples(st.just("assign"), st.integers(0, 2), st.sampled_from(["full", "canary", "shadow"])),
    st.tuples(st.just("replay"), st.integers(0, 2), st.integers(0, 30)),
    st.tuples(st.just("revoke"), st.integers(0, 2), st.none()),
    st.tuples(st.just("back"), st.none(), st.none()),
)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(acts=st.lists(ACT, min_size=1, max_size=6))
def test_whatever_is_signed_counters_grow_and_the_revoked_never_count(
    tmp_path_factory: pytest.TempPathFactory,
    models: list[bytes],
    acts: list[tuple[str, int, object]],
) -> None:
    folder = tmp_path_factory.mktemp("law")
    with signing(folder / "trust") as signs:
        digests: list[Digest] = [signs.release(model) for model in models]
        device = Device(folder / "device", signs)
        revoked: set[Digest] = set()
        for act, which, how in acts:
            before = holds(device.folder)
            if act == "assign":
                signs.assign(digests[which], mode=how)
            elif act == "replay":
                signs.assign(digests[which], counter=how)
            elif act == "revoke":
                revoked.add(digests[which])
                signs.revoke(*revoked)
            if act == "back":
                try:
                    roll_back(device.folder, "law", AT)
                except UserError:
                    assert pointer.load(device.folder) == before
            else:
                device.update()
            after = holds(device.folder)
            assert after.counter >= before.counter
            assert after.revoked_counter >= before.revoked_counter
            assert set(after.revoked) >= set(before.revoked)
            assert not revoked & after.named
