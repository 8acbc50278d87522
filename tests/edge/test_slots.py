"""A/B slots: a model decides only after its self-test; a broken one leaves the one before."""

from collections.abc import Callable
from pathlib import Path

import pytest

from twoloops.edge.fetching import PlainFetcher, Wanted
from twoloops.edge.runtime import Runtime
from twoloops.edge.slots import Slots, self_test
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import TransientError, UserError
from twoloops.records.task import Task

TASK = Task("fan", "signal", ("crack", "good"), normal="good", shape=(2, 1))


class Given:
    """A fetcher that brings what it is given."""

    def __init__(self, model: bytes) -> None:
        self.model, self.fetched = model, 0

    def wanted(self) -> Wanted:
        return Wanted(digest_bytes(self.model), len(self.model))

    def fetch(self, wanted: Wanted, path: Path) -> None:
        self.fetched += 1
        path.write_bytes(self.model)


class Streams:
    """A server that hands out a file in parts."""

    def __init__(self, parts: list[bytes]) -> None:
        self.parts = parts

    def stream(self, path: str, most: int):
        assert path.startswith("/api/v1/tasks/fan/releases/sha256:")
        yield from self.parts

    def get(self, path: str) -> bytes:
        raise AssertionError(path)

    def post(self, path: str, body: bytes, content_type: str = "") -> bytes:
        raise AssertionError(path)


def slots(folder: Path, task: Task | None = TASK) -> Slots:
    return Slots(folder / "models", lambda: task)


def test_a_model_is_put_in_force_kept_over_a_restart_and_gone_back_from(
    tmp_path: Path, make_model: Callable[..., bytes]
) -> None:
    first, second = Given(make_model()), Given(make_model(scale=2.0))
    here = slots(tmp_path)
    assert here.start() is None
    assert here.update(first).digest == first.wanted().model
    assert here.update(first) is None
    assert here.update(second).digest == second.wanted().model
    again = slots(tmp_path)
    assert again.start().digest == second.wanted().model
    # Back without a network; the one that was left is not tried again.
    assert again.back("a person said so").digest == first.wanted().model
    assert again.update(second) is None
    assert slots(tmp_path).start().digest == first.wanted().model
    assert again.back("once more") is None


def test_one_that_fails_its_self_test_leaves_the_present_one_and_is_not_tried_again(
    tmp_path: Path, make_model: Callable[..., bytes]
) -> None:
    good, bad = Given(make_model()), Given(make_model(scale=float("nan")))
    here = slots(tmp_path)
    here.update(good)
    with pytest.raises(UserError, match="NaN"):
        here.update(bad)
    assert here.current == good.wanted().model
    assert here.refused is not None
    assert here.refused[0] == bad.wanted().model
    assert here.update(bad) is None
    assert bad.fetched == 1
    assert slots(tmp_path).start().digest == good.wanted().model


def test_a_process_that_dies_while_it_tries_starts_with_the_one_before(
    tmp_path: Path, make_model: Callable[..., bytes]
) -> None:
    good, deadly = Given(make_model()), Given(make_model(scale=3.0))
    here = slots(tmp_path)
    here.update(good)

    class Died(BaseException):
        pass

    def die(_: bytes) -> Runtime:
        raise Died

    here._load = die
    with pytest.raises(Died):
        here.update(deadly)
    again = slots(tmp_path)
    assert again.start().digest == good.wanted().model
    assert again.refused == (deadly.wanted().model, "the process ended while it was tried")
    assert again.update(deadly) is None


def test_a_damaged_file_is_gone_back_from_and_fetched_anew(
    tmp_path: Path, make_model: Callable[..., bytes]
) -> None:
    first, second = Given(make_model()), Given(make_model(scale=2.0))
    here = slots(tmp_path)
    here.update(first)
    here.update(second)
    (tmp_path / "models" / "b.onnx").write_bytes(b"half a model")
    assert slots(tmp_path).start().digest == first.wanted().model
    for name in ("a.onnx", "b.onnx"):
        (tmp_path / "models" / name).write_bytes(b"")
    broken = slots(tmp_path)
    assert broken.start() is None
    assert broken.update(second).digest == second.wanted().model


def test_another_tasks_model_and_a_slow_one_fail_their_self_test(
    make_model: Callable[..., bytes],
) -> None:
    runtime = Runtime(make_model())
    self_test(runtime, TASK)
    for other, says in (
        (Task("pump", "signal", ("crack", "good"), shape=(2, 1)), "is of task 'fan'"),
        (Task("fan", "signal", ("good",), shape=(2, 1)), "labels"),
        (Task("fan", "signal", ("crack", "good"), shape=(3, 1)), "shape"),
        (Task("fan", "signal", TASK.labels, shape=(2, 1), latency_budget_ms=0.0), "budget"),
    ):
        with pytest.raises(UserError, match=says):
            self_test(runtime, other)


def test_a_file_with_another_digest_is_refused_and_removed(
    tmp_path: Path, make_model: Callable[..., bytes]
) -> None:
    model = make_model()
    wanted = Wanted(digest_bytes(model), len(model))
    whole = PlainFetcher(Streams([model[:100], model[100:]]), "fan", lambda: wanted)
    assert slots(tmp_path).update(whole).digest == wanted.model
    tampered = PlainFetcher(Streams([model[:-1] + b"x"]), "fan", lambda: wanted)
    with pytest.raises(UserError, match="refused"):
        tampered.fetch(wanted, tmp_path / "file")
    assert not (tmp_path / "file").exists()
    with pytest.raises(UserError, match="at most"):
        tampered.fetch(Wanted(wanted.model, 1 << 40), tmp_path / "file")


def test_a_disk_that_is_full_keeps_the_present_model(
    tmp_path: Path, make_model: Callable[..., bytes]
) -> None:
    class Full(Given):
        def fetch(self, wanted: Wanted, path: Path) -> None:
            raise OSError(28, "No space left on device")

    here = slots(tmp_path)
    here.update(Given(make_model()))
    with pytest.raises(TransientError, match="No space"):
        here.update(Full(make_model(scale=2.0)))
    assert here.current == digest_bytes(make_model())
