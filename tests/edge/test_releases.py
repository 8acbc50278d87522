"""What an edge runs follows what is signed, by itself; how it stands is told."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from trusting import INPUTS, Signing, signing

from twoloops.edge.backoff import Backoff
from twoloops.edge.home import Home, Settings
from twoloops.edge.releases import EVERY, Releases
from twoloops.edge.trust import updating
from twoloops.edge.trust.updating import begin, roll_back
from twoloops.records.digests import short

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def signs(tmp_path: Path) -> Iterator[Signing]:
    with signing(tmp_path / "trust") as made:
        yield made


@pytest.fixture
def home(tmp_path: Path, signs: Signing) -> Home:
    here = Home(tmp_path / "edge")
    root = signs.repository.root_digest()
    here.enrolled(Settings(signs.url, "press-4", "fan", "all", root), "2l_secret")
    begin(here.releases, root, "fan")
    return here


class Running:
    """Releases whose time stands still until it is moved."""

    def __init__(self, home: Home) -> None:
        self.said: list[str] = []
        self.time = 0.0
        self.releases = Releases(
            home,
            takt=None,
            clock=lambda: AT,
            say=self.said.append,
            backoff=Backoff(lambda: 0.5, first=10.0),
            timer=lambda: self.time,
        )

    def step(self, later: float = 0.0) -> dict:
        self.time += later
        self.releases.step()
        return self.releases.standing()


@pytest.fixture
def running(home: Home) -> Iterator[Running]:
    made = Running(home)
    yield made
    made.releases.stop()
    made.releases.slot.close()


def test_a_hint_of_a_later_assignment_is_followed_at_once(
    signs: Signing, running: Running, make_model: Callable[..., bytes]
) -> None:
    assert running.step()["release"] is None
    first = signs.release(make_model())
    order = signs.assign(first)
    assert running.step()["release"] is None, "it was not said, and the next look is later"
    running.releases.hint(order.counter)
    stands = running.step()
    assert (stands["release"], stands["counter"], stands["mode"]) == (first, order.counter, "full")
    assert f"Model {short(first)} decides now; before: none" in running.said[-1]
    asked = len(signs.asked)
    running.releases.hint(order.counter)
    running.step()
    assert len(signs.asked) == asked, "the same hint again is no news"
    second = signs.release(make_model(scale=2.0))
    signs.assign(second)
    assert running.step(EVERY)["release"] == second, "looked for without a hint, too"


def test_what_is_refused_is_said_once_and_the_present_model_goes_on(
    signs: Signing, running: Running, make_model: Callable[..., bytes]
) -> None:
    good = signs.release(make_model())
    signs.assign(good)
    running.step()
    bad = signs.release(make_model(scale=2.0), wrong=0.2)
    running.releases.hint(signs.assign(bad).counter)
    stands = running.step()
    assert stands["release"] == good
    assert stands["refused"].startswith("self-test: ")
    assert stands["left"] == bad
    said = list(running.said)
    running.step(EVERY)
    assert [one for one in running.said if one not in said] in ([], [running.said[-1]])
    signs.assign(good)
    assert running.step(EVERY)["refused"] == ""


def test_a_server_that_is_away_is_asked_again_later_each_time(
    signs: Signing, running: Running, make_model: Callable[..., bytes]
) -> None:
    model = signs.release(make_model())
    signs.assign(model)
    signs.lies["timestamp.json"] = lambda asked: asked.send_error(503)
    assert "answered 503" in running.step()["refused"]
    asked = len(signs.asked)
    running.step(4.9)
    assert len(signs.asked) == asked, "half of ten seconds is drawn"
    running.step(0.2)
    assert len(signs.asked) > asked
    signs.lies.clear()
    assert running.step(5.0)["release"] is None, "the second wait is twice as long"
    assert running.step(5.0)["release"] == model


def test_going_back_by_hand_is_taken_up_while_it_runs(
    signs: Signing, home: Home, running: Running, make_model: Callable[..., bytes]
) -> None:
    first, second = signs.release(make_model()), signs.release(make_model(scale=2.0))
    signs.assign(first)
    running.step()
    signs.assign(second)
    assert running.step(EVERY)["release"] == second
    roll_back(home.releases, "calls good welds bad", AT)
    stands = running.step()
    assert (stands["release"], stands["left"]) == (first, second)
    assert stands["went_back"] == "calls good welds bad"
    assert running.releases.slot.decide(INPUTS[:1])[0].model == first


def test_a_model_that_decides_beside_the_one_that_counts_is_said_once(
    signs: Signing, running: Running, make_model: Callable[..., bytes]
) -> None:
    first, second = signs.release(make_model()), signs.release(make_model(scale=2.0))
    signs.assign(first)
    running.step()
    running.releases.hint(signs.assign(second, mode="shadow", counts=first).counter)
    assert running.step()["release"] == first
    running.step(EVERY)
    words = f"Model {short(second)} decides too, and does not count (shadow)."
    assert running.said.count(words) == 1
    running.releases.hint(signs.assign(second, mode="canary", counts=first).counter)
    assert running.step()["release"] == second
    assert f"Model {short(first)} decides too, and does not count (canary)." == running.said[-1]


def test_a_disk_that_is_full_stops_no_decision(
    signs: Signing, running: Running, make_model: Callable[..., bytes], monkeypatch
) -> None:
    first = signs.release(make_model())
    signs.assign(first)
    running.step()
    signs.assign(signs.release(make_model(scale=2.0)))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(updating.files.os, "replace", full)
        stands = running.step(EVERY)
    assert "No space" in stands["refused"]
    assert running.releases.slot.decide(INPUTS[:1])[0].model == first
    assert running.step(EVERY)["release"] != first


def test_a_process_that_is_asked_to_end_says_nothing_against_a_model_on_trial(
    signs: Signing, home: Home, make_model: Callable[..., bytes]
) -> None:
    first, second = signs.release(make_model()), signs.release(make_model(scale=2.0))
    signs.assign(first)
    Running(home).step()
    signs.assign(second)
    for _ in range(5):
        run = Running(home)
        assert run.step()["release"] == second
        assert run.step()["on_trial"]
        run.releases.slot.close()
