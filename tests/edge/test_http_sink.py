"""Verdicts over HTTP: each told, again while nobody takes it, and the line never waits."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from twoloops.edge.adapters.asked import Asked
from twoloops.edge.adapters.http_sink import TOKEN, HttpSink, sink
from twoloops.edge.adapters.outbox import Outbox
from twoloops.edge.ports import Verdict
from twoloops.records.errors import TransientError, UserError


def verdict(key: str) -> Verdict:
    return Verdict(key, datetime(2026, 1, 2, tzinfo=UTC), "leak", None, None)


class Receiver(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answers: list[int]) -> None:
        self.answers, self.got, self.tokens, self.connections = answers, [], [], set()
        self.held = threading.Event()
        self.held.set()
        super().__init__(("127.0.0.1", 0), Taking)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/verdicts"


class Taking(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.held.wait(10)
        status = self.server.answers.pop(0) if self.server.answers else 204
        self.server.connections.add(self.client_address)
        if status == 204:
            self.server.got.append(said["key"])
            self.server.tokens.append(self.headers.get("Authorization"))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def receiving(*answers: int) -> Iterator[Receiver]:
    server = Receiver(list(answers))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.held.set()
        server.shutdown()
        thread.join()
        server.server_close()


def test_every_verdict_is_told_in_order_over_one_connection(monkeypatch) -> None:
    monkeypatch.setenv(TOKEN, "secret")
    with receiving() as server:
        one = sink(Asked(words=server.url))
        for number in range(50):
            one.put(verdict(str(number)))
        one.close()
        one.close()
        assert server.got == [str(number) for number in range(50)]
        assert set(server.tokens) == {"Bearer secret"}
        assert len(server.connections) == 1
        assert (one.sent, one.dropped) == (50, 0)


def test_a_passing_refusal_is_tried_again_and_a_lasting_one_is_counted() -> None:
    with receiving(503, 429, 204, 422) as server:
        one = HttpSink(server.url, longest=0.01)
        for key in ("a", "b", "c"):
            one.put(verdict(key))
        one.close()
        assert server.got == ["a", "c"]
        assert (one.sent, one.dropped) == (2, 1)


def test_with_nobody_there_the_line_goes_on_and_each_is_counted() -> None:
    with receiving() as server:
        url = server.url
    one = HttpSink(url, most=10, longest=0.05)
    refused = 0
    for number in range(25):
        try:
            one.put(verdict(str(number)))
        except TransientError:
            refused += 1
    assert refused == 15
    one._outbox._leaving = 0.05
    one.close()
    assert (one.sent, one.dropped) == (0, 25)


def test_what_waits_is_told_when_the_receiver_comes_back() -> None:
    away = threading.Event()
    told: list[bytes] = []

    def send(body: bytes) -> None:
        if not away.is_set():
            raise TransientError("away")
        told.append(body)

    outbox = Outbox(send, longest=0.01)
    for key in "abc":
        outbox.put(verdict(key))
    assert told == []
    away.set()
    outbox.close()
    assert [json.loads(body)["key"] for body in told] == ["a", "b", "c"]


def test_a_slow_receiver_does_not_hold_the_line_up() -> None:
    with receiving() as server:
        server.held.clear()
        one = HttpSink(server.url)
        for number in range(100):
            one.put(verdict(str(number)))
        assert not server.got  # nothing was answered, and all puts returned
        server.held.set()
        one.close()
        assert len(server.got) == 100


@pytest.mark.parametrize(
    ("words", "said"),
    [("http://me:secret@host/x", TOKEN), ("http:nowhere", "names no host")],
)
def test_a_url_without_host_or_with_a_secret_is_refused(words: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as refused:
        sink(Asked(words=words))
    assert "secret" not in str(refused.value)
