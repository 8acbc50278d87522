"""The uplink against a server whose answers get lost: each observation counts once, in order."""

import itertools
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.edge import uplink as module
from twoloops.edge.backoff import Backoff
from twoloops.edge.batch import PLAIN, Took, Uploaded, last_number, unpack
from twoloops.edge.capture import CapturePolicy
from twoloops.edge.client import HttpServer, Refused, Unreachable
from twoloops.edge.home import Orders
from twoloops.edge.process import first_standing
from twoloops.edge.sources import Arrival
from twoloops.edge.spool import Spool
from twoloops.edge.uplink import FIRST_BYTES, Uplink
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.observation import Kept
from twoloops.records.task import Task

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ORDERS = Orders(Task("orders", "text", ("leak", "ok")), CapturePolicy(), 0, 0)


class Faulty:
    """A server in memory: `before` loses the request, `after` the answer, `other` answers wrong."""

    def __init__(self, faults: Iterator[str]) -> None:
        self.faults, self.stored, self.batches = faults, {}, 0
        self.most = 10**6
        self.parts: dict[str, bytes] = {}
        self.sizes: list[int] = []
        self.refused = 0
        self.bodies: list[bytes] = []
        self.told: set[int] = set()
        self._one = threading.Lock()

    def post(self, path: str, body: bytes, content_type: str = "") -> bytes:
        with self._one:
            return self._take(path, body)

    def _take(self, path: str, body: bytes) -> bytes:
        fault = next(self.faults)
        if fault == "before":
            raise Unreachable("lost", 3.0)
        if path.endswith("/heartbeat"):
            return msgspec.json.encode(ORDERS)
        batch = unpack(body)
        self.bodies.append(body)
        if len(batch.observations) > self.most:
            raise Refused(413, "too large")
        if batch.follows and batch.follows not in {place.counter for place in self.stored}:
            self.refused += 1
            raise Refused(409, "out of order")
        self.batches += 1
        filled = []
        for one in batch.observations:
            whole = self.parts.get(one.observation.input, b"") if not one.input else one.input
            if digest_bytes(whole) != one.observation.input:
                raise Refused(409, "not here")
            filled.append(one._replace(input=whole))
        for one in filled:
            place = one.observation.place
            assert self.stored.setdefault(place, one) == one
        for gap in batch.missing:
            self.told.update(range(gap.first, gap.last + 1))
        known = {place.counter for place in self.stored} | self.told
        assert known == set(range(1, max(known, default=0) + 1)), "missing for a moment"
        upto = last_number(batch.observations)
        if fault == "after":
            raise Unreachable("lost")
        if fault == "other":
            upto += 1
        if fault == "garbage":
            return b"<html>"
        return msgspec.json.encode(Took(batch.edge, batch.epoch, upto, 0, 0, 0))

    def get(self, path: str) -> bytes:
        digest = path.rpartition("/")[2]
        return msgspec.json.encode(Uploaded(len(self.parts.get(digest, b""))))

    def put(self, path: str, body: bytes) -> bytes:
        fault = next(self.faults)
        if fault == "before":
            raise Unreachable("lost")
        digest, _, at = path.rpartition("/")[2].partition("?at=")
        here = self.parts.get(digest, b"")
        if len(here) == int(at):
            self.parts[digest] = here + body
            self.sizes.append(len(body))
        if fault == "other":
            self.parts.clear()  # the server's disk was lost
        if fault in ("after", "other"):
            raise Unreachable("lost")
        if fault == "garbage":
            return b"<html>"
        return msgspec.json.encode(Uploaded(len(self.parts[digest])))


def uplink(server: Faulty, spool: Spool, bandwidth: float = 0.0) -> Uplink:
    backoff = Backoff(lambda: 0.0)
    return Uplink(
        server,
        spool,
        standing=first_standing,
        on_orders=lambda orders: None,
        backoff=backoff,
        beat=1e9,
        bandwidth=bandwidth,
    )


def put(spool: Spool, number: int) -> None:
    spool.append(Arrival(b"%d" % number, NOW, ""), "orders", None, Kept("novel", 1.0))


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.sampled_from(["", "before", "after", "other", "garbage"]), max_size=30),
    st.lists(st.integers(0, 5), min_size=1, max_size=8),
)
def test_whatever_is_lost_on_the_way_each_counts_once_in_order(
    faults: list[str], groups: list[int]
) -> None:
    server = Faulty(itertools.chain(faults, itertools.repeat("")))
    with tempfile.TemporaryDirectory() as name, Spool(Path(name) / "spool.db", "edge") as spool:
        link, numbers = uplink(server, spool), itertools.count(1)
        sent = 0
        for size in groups:
            for _ in range(size):
                put(spool, next(numbers))
                sent += 1
            spool.flush()
            link.step()
            # What left the spool is there; what is there in the spool has not left.
            waiting = {one.observation.place.counter for one in spool.pending(999)}
            stored = {place.counter for place in server.stored}
            assert waiting | stored == set(range(1, sent + 1))
        for _ in range(len(faults) + 3):
            link.step()
        assert link.drained
        assert [place.counter for place in server.stored] == list(range(1, sent + 1))
        assert [one.input for one in server.stored.values()] == [
            b"%d" % n for n in range(1, sent + 1)
        ]


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.sampled_from(["", "before", "after", "other", "garbage"]), max_size=30),
    st.lists(st.integers(0, 900), min_size=2, max_size=40),
    st.sets(st.integers(1, 40), max_size=8),
)
def test_with_two_batches_on_their_way_each_counts_once_in_order(
    faults: list[str], sizes: list[int], dropped: set[int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("FAST", -1), ("MOST", 3), ("PART", 500), ("LEAST", 20)):
            patch.setattr(module, name, value)
        server = Faulty(itertools.chain(faults, itertools.repeat("")))
        with tempfile.TemporaryDirectory() as name, Spool(Path(name) / "spool.db", "edge") as spool:
            link = uplink(server, spool)
            inputs = [b"%d " % number + b"x" * size for number, size in enumerate(sizes)]
            for data in inputs:
                spool.append(Arrival(data, NOW, ""), "orders", None, Kept("novel", 1.0))
            spool.flush()
            numbers = set(range(1, len(sizes) + 1)) - dropped
            spool.drop(sorted(dropped), "full: routine")
            for _ in range(10 * (len(faults) + len(sizes))):
                link.step()
                waiting = {one.observation.place.counter for one in spool.pending(999)}
                assert waiting | {place.counter for place in server.stored} == numbers
                if link.drained:
                    break
            assert link.drained
            assert [place.counter for place in server.stored] == sorted(numbers)
            assert [one.input for one in server.stored.values()] == [
                inputs[number - 1] for number in sorted(numbers)
            ]


class Overtaking(Faulty):
    """A server that is handed the second of two batches first."""

    def __init__(self) -> None:
        super().__init__(itertools.repeat(""))
        self._second = threading.Event()

    def post(self, path: str, body: bytes, content_type: str = "") -> bytes:
        if path.endswith("/batches"):
            if unpack(body).follows:
                try:
                    return super().post(path, body)
                finally:
                    self._second.set()
            assert self._second.wait(10)
        return super().post(path, body)


def test_a_batch_that_overtakes_is_refused_and_sent_again_at_once(
    tmp_path: Path, monkeypatch
) -> None:
    for name, value in (("FAST", -1), ("MOST", 1)):
        monkeypatch.setattr(module, name, value)
    server = Overtaking()
    with Spool(tmp_path / "spool.db", "edge") as spool:
        for number in range(4):
            put(spool, number)
        spool.flush()
        link = uplink(server, spool)
        while not link.drained:
            assert link.step() == 0
            assert link.failures == 0
    assert server.refused > 0
    assert [place.counter for place in server.stored] == [1, 2, 3, 4]


@pytest.mark.parametrize(("fast", "bandwidth"), [(0.0, 0.0), (1e18, 0.0), (0.0, 1e12)])
def test_the_first_large_batch_tells_how_the_next_ones_go(
    tmp_path: Path, monkeypatch, fast: float, bandwidth: float
) -> None:
    monkeypatch.setattr(module, "FAST", fast)
    server = Faulty(itertools.repeat(""))
    with Spool(tmp_path / "spool.db", "edge") as spool:
        for number in range(100):
            data = b"%d" % number + b"x" * 100_000
            spool.append(Arrival(data, NOW, ""), "orders", None, Kept("novel", 1.0))
        spool.flush()
        link = uplink(server, spool, bandwidth)
        while not link.drained:
            link.step()
    plain = [body.startswith(PLAIN) for body in server.bodies]
    if bandwidth:  # each byte counts
        assert not any(plain)
        return
    assert plain[0]
    assert len(server.bodies[0]) < FIRST_BYTES
    # The second may be made ready while the first is on its way.
    assert len(plain) > 2
    assert set(plain[2:]) == {fast == 0}


def test_what_is_on_its_way_is_answered_before_it_stops(tmp_path: Path, monkeypatch) -> None:
    for name, value in (("FAST", -1), ("MOST", 1)):
        monkeypatch.setattr(module, name, value)
    server = Faulty(itertools.repeat(""))
    with Spool(tmp_path / "spool.db", "edge") as spool:
        for number in range(3):
            put(spool, number)
        spool.flush()
        link = uplink(server, spool)
        link.step()
        link.stop()
        link.run()
        left = [one.observation.place.counter for one in spool.pending(9)]
    assert left == list(range(len(server.stored) + 1, 4))


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.sampled_from(["", "before", "after", "other", "garbage"]), max_size=30),
    st.lists(st.integers(1, 900), min_size=1, max_size=6),
)
def test_large_inputs_go_ahead_in_parts_and_go_on_where_they_were_cut(
    faults: list[str], sizes: list[int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PART", 100)
        patch.setattr(module, "LEAST", 20)
        patch.setattr(module, "BATCH_BYTES", 400)
        server = Faulty(itertools.chain(faults, itertools.repeat("")))
        with tempfile.TemporaryDirectory() as name, Spool(Path(name) / "spool.db", "edge") as spool:
            link = uplink(server, spool)
            inputs = [bytes([number]) * size for number, size in enumerate(sizes)]
            for data in inputs:
                spool.append(Arrival(data, NOW, ""), "orders", None, Kept("novel", 1.0))
            spool.flush()
            for _ in range(len(faults) + 60 * len(sizes)):
                link.step()
                if link.drained:
                    break
            assert link.drained
            assert [one.input for one in server.stored.values()] == inputs
            assert max(server.sizes, default=0) <= 100


def test_what_was_cut_off_is_not_sent_again(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "PART", 100)
    monkeypatch.setattr(module, "LEAST", 50)
    server = Faulty(iter(["", "", "before", *[""] * 99]))
    with Spool(tmp_path / "spool.db", "edge") as spool:
        spool.append(Arrival(b"x" * 1000, NOW, ""), "orders", None, Kept("novel", 1.0))
        spool.flush()
        link = uplink(server, spool)
        while not link.drained:
            link.step()
    assert sum(server.sizes) == 1000
    assert server.batches == 1


def test_it_waits_as_long_as_the_server_asks(tmp_path: Path) -> None:
    server = Faulty(iter(["before", "", ""]))
    with Spool(tmp_path / "spool.db", "edge") as spool:
        link = uplink(server, spool)
        assert link.step() == 3.0
        assert (link.failures, link.last_error) == (1, "lost")
        link.step()
        assert (link.failures, link.last_error) == (0, "")


def test_it_sends_fewer_where_a_batch_is_refused_and_drops_none(tmp_path: Path) -> None:
    server = Faulty(itertools.repeat(""))
    server.most = 3
    with Spool(tmp_path / "spool.db", "edge") as spool:
        for number in range(20):
            put(spool, number)
        spool.flush()
        link = uplink(server, spool)
        for _ in range(60):
            link.step()
        assert link.drained
        assert len(server.stored) == 20


def test_gaps_are_told_once_also_without_observations(tmp_path: Path) -> None:
    server = Faulty(itertools.repeat(""))
    with Spool(tmp_path / "spool.db", "edge") as spool:
        put(spool, 1)
        spool.flush()
        spool.drop([1], "full: routine")
        link = uplink(server, spool)
        assert not link.drained
        link.step()
        assert (link.drained, server.batches) == (True, 1)
        link.step()
        assert server.batches == 1


@given(st.lists(st.floats(0, 1e6), max_size=30), st.floats(0, 0.999))
def test_a_wait_is_what_was_asked_and_at_most_a_doubling_bound_more(
    asked: list[float], draw: float
) -> None:
    backoff = Backoff(lambda: draw, first=0.5, longest=60)
    for number, seconds in enumerate(asked):
        wait = backoff.failed(seconds)
        assert min(seconds, 60) <= wait <= min(seconds, 60) + min(60, 0.5 * 2**number)
    backoff.succeeded()
    assert backoff.failed() <= 0.5


@pytest.mark.parametrize("url", ["ftp://a", "http://", "press-4", "file:///etc/passwd"])
def test_a_server_that_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="a server is"):
        HttpServer(url, "x")
