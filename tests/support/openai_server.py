"""An OpenAI-compatible server on loopback that answers, or misbehaves as it is told."""

import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Said = dict[int, str]


@dataclass
class Server:
    """What it was asked, and what it does next.

    Args:
        says: Text of an item (or its data URL) → the label it gives.
        script: What to do with the next calls, one entry each; then it answers.
    """

    says: Callable[[str], str]
    script: list[str] = field(default_factory=list)
    calls: list[list[str]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    arrived: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""
    address: str = ""

    def items(self, body: dict[str, Any]) -> list[str]:
        content = body["messages"][1]["content"]
        if isinstance(content, str):
            return [one["input"] for one in json.loads(content)["items"]]
        return [one["image_url"]["url"] for one in content if one["type"] == "image_url"]

    def note(self, body: dict[str, Any], headers: dict[str, str]) -> tuple[str, list[str]]:
        """Note a call; returns what to do with it, and its items."""
        items = self.items(body)
        with self.lock:
            self.calls.append(items)
            self.bodies.append(body)
            self.headers.append(headers)
            self.asked.update(items)
            todo = self.script.pop(0) if self.script else "answer"
        self.arrived.set()
        return todo, items


def completion(said: Said, read: int, **more: Any) -> dict[str, Any]:
    """A whole answer, as endpoints give one."""
    answers = {str(number): label for number, label in said.items()}
    message = {"role": "assistant", "content": json.dumps({"answers": answers}), "refusal": None}
    return {
        "id": "c",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": read, "completion_tokens": 12 * len(said)},
        **more,
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["content-length"]))
        body = json.loads(data)
        todo, items = self.served.note(body, dict(self.headers.items()))
        name, _, value = todo.partition(" ")
        said = {number: self.served.says(text) for number, text in enumerate(items, 1)}
        getattr(self, f"_{name.replace('-', '_')}")(value, said, len(data) // 4)

    def _answer(self, _: str, said: Said, read: int) -> None:
        self._send(200, completion(said, read))

    def _fenced(self, _: str, said: Said, read: int) -> None:
        made = completion(said, read)
        message = made["choices"][0]["message"]
        message["content"] = f"Here you are:\n```json\n{message['content']}\n```"
        self._send(200, made)

    def _no_usage(self, _: str, said: Said, read: int) -> None:
        self._send(200, completion(said, read, usage=None))

    def _usage(self, value: str, said: Said, read: int) -> None:
        counts = {"prompt_tokens": int(value), "completion_tokens": 0}
        self._send(200, completion(said, read, usage=counts))

    def _status(self, value: str, *_: object) -> None:
        code, _, wait = value.partition(" ")
        error = {"error": {"message": f"key {self.headers['authorization']} is not served"}}
        headers = {"Retry-After": wait} if wait else {}
        if code.startswith("3"):
            headers["Location"] = f"{self.served.url}/elsewhere"
        self._send(int(code), error, headers)

    def _garbage(self, value: str, *_: object) -> None:
        self._raw(200, b"<html>no JSON</html>")

    def _malformed(self, value: str, said: Said, read: int) -> None:
        made = completion(said, read)
        made["choices"][0]["message"]["content"] = value or '{"answers": [{"item": 1, "lab'
        made["choices"][0]["finish_reason"] = "length"
        self._send(200, made)

    def _refusal(self, value: str, said: Said, read: int) -> None:
        made = completion(said, read)
        made["choices"][0]["message"] |= {"content": None, "refusal": value or "I cannot do that"}
        self._send(200, made)

    def _partial(self, value: str, said: Said, read: int) -> None:
        kept = dict(list(said.items())[: int(value)])
        self._send(200, completion(kept, read))

    def _wrong(self, value: str, said: Said, read: int) -> None:
        self._send(200, completion({number: value for number in said}, read))

    def _hang(self, *_: object) -> None:
        self.served.closing.wait(30)
        self.close_connection = True

    def _drip(self, value: str, said: Said, read: int) -> None:
        data = json.dumps(completion(said, read)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        for byte in data:
            if self.served.closing.wait(float(value)):
                break
            try:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
            except OSError:
                break
        self.close_connection = True

    def _reset(self, *_: object) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()

    def _cut(self, _: str, said: Said, read: int) -> None:
        data = json.dumps(completion(said, read)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.close_connection = True

    def _slow(self, value: str, said: Said, read: int) -> None:
        time.sleep(float(value))
        self._send(200, completion(said, read))

    def _send(self, code: int, made: Any, headers: dict[str, str] | None = None) -> None:
        self._raw(code, json.dumps(made).encode(), headers)

    def _raw(self, code: int, data: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that goes away in the middle is a part of the tests."""


@contextmanager
def serve(says: Callable[[str], str]) -> Iterator[Server]:
    """Serve on a free port of loopback."""
    server = Server(says)
    handler = type("Handler", (_Handler,), {"served": server})
    with _Quiet(("127.0.0.1", 0), handler) as http:
        server.address = f"127.0.0.1:{http.server_address[1]}"
        server.url = f"http://{server.address}/v1"
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            http.shutdown()
            thread.join()
