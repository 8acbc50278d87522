"""Paths, names, headers and times that no route could want, over real sockets."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from litestar.testing import TestClient
from serving_workspace import client_of, make_workspace

from twoloops.server import front, serving
from twoloops.server.app import Options, application
from twoloops.server.front import HEADERS, own_hosts

SOON = 0.4


class Port:
    """A server on a thread of this process, asked byte by byte."""

    def __init__(self, number: int, secret: str) -> None:
        self.number, self.secret = number, secret

    def say(self, *parts: bytes, wait: float = 0.0) -> bytes:
        """Send parts, and return all that comes back until the other side hangs up or is quiet."""
        with socket.create_connection(("127.0.0.1", self.number), timeout=5) as sock:
            with contextlib.suppress(OSError):  # it may hang up while we talk
                for part in parts:
                    sock.sendall(part)
                    time.sleep(wait)
            got = b""
            with contextlib.suppress(OSError):
                while part := sock.recv(65536):
                    got += part
                    if b"connection: close" not in got.lower() and b"\r\n\r\n" in got:
                        sock.settimeout(1.0)
            return got

    def get(self, path: str, *headers: str, host: str = "localhost", method: str = "GET") -> bytes:
        """Ask for a path as it is written."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
        return self.say("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def post(self, *headers: str, path: str = "/api/v1/tasks/orders/observations") -> bytes:
        """The head of a request with a body."""
        lines = [
            f"POST {path} HTTP/1.1",
            "Host: localhost",
            f"Authorization: Bearer {self.secret}",
            "Content-Type: text/plain",
            *headers,
        ]
        return "\r\n".join([*lines, "", ""]).encode()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Port]:
    workspace = make_workspace(tmp_path_factory.mktemp("fronted"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(front, "CHUNK_SECONDS", SOON)
        patch.setattr(serving, "HEADER_SECONDS", SOON)
        listener = serving.bind("127.0.0.1", 0)
        options = Options(hosts=own_hosts("127.0.0.1", ["plant.example"]), rate=0)
        server = uvicorn.Server(serving.config_of(application(workspace.folder, options)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        try:
            yield Port(listener.getsockname()[1], workspace.secrets["edge"])
        finally:
            server.should_exit = True
            thread.join()
            listener.close()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/health", 200),
        ("/static/style.css", 200),
        ("/static/../app.py", 400),
        ("/static/%2e%2e/app.py", 400),
        ("/static/%2E%2E%2Fapp.py", 400),
        ("/static/..%5capp.py", 400),
        ("/static/%252e%252e/app.py", 404),
        ("/static//etc/passwd", 400),
        ("/static/style.css%00.html", 400),
        ("/static/%c0%ae%c0%ae/app.py", 400),
        ("/static/./style.css", 400),
        ("//evil.example/", 400),
        ("/api/v1/inputs/..%2f..%2fcatalog.db", 400),
        ("/api/v1/inputs/%0d%0aSet-Cookie:%20a=b", 400),
        ("/" + "a" * 3000, 414),
        ("/health?" + "a" * 5000, 414),
        ("/health?a=%00", 400),
        ("/" + "a" * 70_000, 414),
    ],
)
def test_a_path_is_what_it_says(port: Port, path: str, expected: int) -> None:
    answer = port.get(path)
    assert status(answer) == expected
    assert b"root:" not in answer
    assert b"set-cookie" not in answer.lower()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", 200),
        ("LOCALHOST:8420", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:8420", 200),
        ("plant.example", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("localhost@evil.example", 421),
        ("", 421),
        ("localhost, evil.example", 421),
    ],
)
def test_names_of_others_are_refused(port: Port, host: str, expected: int) -> None:
    assert status(port.get("/health", host=host)) == expected


def test_two_host_headers_are_refused(port: Port) -> None:
    assert status(port.get("/health", "Host: evil.example")) in (400, 421)


def test_headers_end_somewhere(port: Port) -> None:
    assert status(port.get("/health", *(f"X-{i}: a" for i in range(100)))) == 431
    assert status(port.get("/health", "X-Long: " + "a" * 40_000)) == 431


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "FOO", "get"])
def test_other_methods_are_refused(port: Port, method: str) -> None:
    assert status(port.get("/health", method=method)) == 405


def test_who_connects_and_says_nothing_is_hung_up_on(port: Port) -> None:
    for said in ([], [b"GET /health HTTP/1.1\r\nHost: local"]):
        started = time.monotonic()
        assert port.say(*said) == b""
        assert time.monotonic() - started < 4


def test_a_body_that_does_not_come_is_not_waited_for(port: Port) -> None:
    head = port.post("Content-Length: 1000")
    answer = port.say(head, b"oil")
    assert status(answer) == 408


def test_chunks_without_a_length_are_cut_at_the_limit(port: Port) -> None:
    chunk = b"4000\r\n" + b"a" * 0x4000 + b"\r\n"
    answer = port.say(port.post("Transfer-Encoding: chunked"), *[chunk] * 40)
    assert status(answer) == 413


def test_a_length_that_is_too_large_is_refused_before_the_body(port: Port) -> None:
    assert status(port.say(port.post("Content-Length: 99999999999"))) == 413


def test_length_and_chunks_together_are_refused(port: Port) -> None:
    head = port.post("Content-Length: 5", "Transfer-Encoding: chunked")
    assert status(port.say(head, b"0\r\n\r\n")) in (400, 422)


def test_the_server_still_answers(port: Port) -> None:
    assert status(port.get("/health")) == 200


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/health", "GET"),
        ("/login", "GET"),
        ("/static/style.css", "GET"),
        ("/nothing", "GET"),
        ("/health", "PUT"),
        ("/static/../x", "GET"),
        ("/api/v1/tasks", "GET"),
    ],
)
def test_every_answer_is_guarded(port: Port, path: str, method: str) -> None:
    head = port.get(path, method=method).partition(b"\r\n\r\n")[0].decode().lower()
    for name, value in HEADERS.items():
        assert f"{name}: {value}".lower() in head
    assert "server:" not in head
    assert head.count("cache-control") == 1


def test_a_bug_shows_nothing_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace(tmp_path)

    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    with client_of(workspace.folder) as client:
        monkeypatch.setattr("twoloops.server.api.tasks.standing", broken)
        answer = _quietly(client, workspace.bearer("admin"))
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def _quietly(client: TestClient, headers: dict[str, str]):
    return client.get("/api/v1/status", headers=headers)
