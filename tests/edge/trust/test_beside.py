"""A second model beside: its decisions are compared and counted, and never count."""

import threading
from datetime import UTC, datetime

import pytest
from trusting import INPUTS, window

from twoloops.edge.home import Paired
from twoloops.edge.runtime import Runtime
from twoloops.edge.trust import beside as module
from twoloops.edge.trust.beside import Beside
from twoloops.edge.trust.slot import Slot

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_what_both_decide_is_compared(models) -> None:
    one, other = Runtime(models[0]), Runtime(models[1])
    beside = Beside(other, takt=1e9)
    try:
        decided = one.decide(INPUTS)
        odd = [decided[0], decided[1], decided[1]]  # as if the one that counts had said otherwise
        beside.ask(INPUTS, odd)
        beside.settle()
        differed = sum(a.label != b.label for a, b in zip(odd, other.decide(INPUTS), strict=True))
        assert differed == 1
        assert beside.paired == Paired(
            counting=one.digest, beside=other.digest, decided=3, differed=1
        )
        # Another model counts now: counts begin anew.
        beside.ask(INPUTS[:1], other.decide(INPUTS[:1]))
        beside.settle()
        assert beside.paired == Paired(counting=other.digest, beside=other.digest, decided=1)
    finally:
        beside.stop()


def test_one_that_fails_or_is_late_costs_nothing_and_is_counted(models, monkeypatch) -> None:
    runtime = Runtime(models[0])
    decided = runtime.decide(INPUTS)
    ticks = iter(range(100))
    beside = Beside(runtime, takt=0.5, timer=lambda: float(next(ticks)))
    try:
        beside.ask(INPUTS, decided)
        beside.ask([b"no array"], decided[:1])
        beside.settle()
        assert beside.paired is not None
        assert (beside.paired.late, beside.paired.failed, beside.paired.decided) == (3, 1, 3)
    finally:
        beside.stop()


def test_what_it_cannot_keep_up_with_is_skipped_and_the_line_does_not_wait(
    models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    runtime, gate, begun = Runtime(models[0]), threading.Event(), threading.Event()
    decided = runtime.decide(INPUTS[:1])
    real = runtime.decide

    def waits(inputs: object) -> object:
        begun.set()
        gate.wait(30)
        return real(inputs)

    monkeypatch.setattr(runtime, "decide", waits)
    beside = Beside(runtime)
    try:
        beside.ask(INPUTS[:1], decided)
        assert begun.wait(30)
        for _ in range(5):  # one is at work, two wait
            beside.ask(INPUTS[:1], decided)
        gate.set()
        beside.settle()
        assert beside.paired is not None
        assert (beside.paired.decided, beside.paired.skipped) == (3, 3)
    finally:
        beside.stop()


def test_in_a_canary_the_model_before_decides_beside_until_the_release_is_full(
    signs, device, models
) -> None:
    old, new = signs.release(models[0]), signs.release(models[1])
    signs.assign(old)
    device.update()
    slot = Slot(device.folder, lambda: AT)
    try:
        signs.assign(new, mode="canary")
        device.update()
        slot.follow()
        for _ in range(3):
            assert slot.decide([window(1, 1)])[0].model == new
        slot.settle()
        assert slot.paired == Paired(counting=new, beside=old, decided=3)
        assert slot.decided == 3
        signs.assign(new, mode="full")
        device.update()
        slot.follow()
        assert (slot.model, slot.paired) == (new, None)
    finally:
        slot.close()


def test_a_canary_that_is_left_has_nobody_beside(signs, device, models, monkeypatch) -> None:
    old, new = signs.release(models[0]), signs.release(models[1])
    signs.assign(old)
    device.update()
    slot = Slot(device.folder, lambda: AT)
    signs.assign(new, mode="canary")
    device.update()
    slot.follow()
    real = Runtime.decide

    def fails(self: Runtime, inputs: object) -> object:
        if self.digest == new:
            raise RuntimeError("out of memory")
        return real(self, inputs)

    monkeypatch.setattr(Runtime, "decide", fails)
    assert slot.decide([window(1, 1)])[0].model == old
    assert (slot.model, slot.shadow) == (old, None)
    assert Slot(device.folder, lambda: AT).shadow is None
