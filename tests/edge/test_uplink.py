"""The uplink against a server whose answers get lost: each observation counts once, in order."""

import itertools
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.edge.backoff import Backoff
from twoloops.edge.batch import Took, last_number, unpack
from twoloops.edge.capture import CapturePolicy
from twoloops.edge.client import HttpServer, Refused, Unreachable
from twoloops.edge.home import Orders
from twoloops.edge.process import first_standing
from twoloops.edge.sources import Arrival
from twoloops.edge.spool import Spool
from twoloops.edge.uplink import Uplink
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

    def post(self, path: str, body: bytes, content_type: str = "") -> bytes:
        fault = next(self.faults)
        if fault == "before":
            raise Unreachable("lost", 3.0)
        if path.endswith("/heartbeat"):
            return msgspec.json.encode(ORDERS)
        batch = unpack(body)
        if len(batch.observations) > self.most:
            raise Refused(413, "too large")
        self.batches += 1
        for one in batch.observations:
            place = one.observation.place
            assert self.stored.setdefault(place, one) == one
        upto = last_number(batch.observations)
        if fault == "after":
            raise Unreachable("lost")
        if fault == "other":
            upto += 1
        if fault == "garbage":
            return b"<html>"
        return msgspec.json.encode(Took(batch.edge, batch.epoch, upto, 0, 0, 0))

    def get(self, path: str) -> bytes:
        raise AssertionError(path)

    def stream(self, path: str, most: int) -> Iterator[bytes]:
        raise AssertionError(path)


def uplink(server: Faulty, spool: Spool) -> Uplink:
    backoff = Backoff(lambda: 0.0)
    return Uplink(
        server,
        spool,
        standing=first_standing,
        on_orders=lambda orders: None,
        backoff=backoff,
        beat=1e9,
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
