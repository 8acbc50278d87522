"""A TCP proxy before a server that breaks connections: drops, delays, cuts, slows, repeats.

A client here opens one connection a request, so a connection is a request.
"""

import contextlib
import random
import socket
import threading
import time
from collections import Counter

FAULTS = ("drop", "delay", "cut request", "cut answer", "slow", "repeat", "repeat later")


class BrokenNetwork:
    """Listens at a port of its own and forwards to another.

    Args:
        port: The server's.
        share: Share of the connections that meet a fault; may be changed.
        seed: Of the draws.
    """

    def __init__(self, port: int, share: float, seed: int) -> None:
        self.share, self.down = share, False
        self._to, self._draw = port, random.Random(seed)
        self.faults: Counter[str] = Counter()
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._closed = True
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._guarded, args=(client,), daemon=True).start()

    def _guarded(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            client.settimeout(10)
            self._serve(client)

    def _serve(self, client: socket.socket) -> None:
        with self._lock:
            self.connections += 1
            fault = self._draw.choice(FAULTS) if self._draw.random() < self.share else ""
            fault = "drop" if self.down else fault
            part, wait = self._draw.random(), self._draw.uniform(0.01, 0.2)
            if fault:
                self.faults[fault] += 1
        if fault == "drop":
            return
        request = read_message(client)
        if fault in ("delay", "slow"):
            time.sleep(wait)
        sent = request[: int(part * len(request))] if fault == "cut request" else request
        answer = self._ask(sent, slow=fault == "slow")
        if fault == "cut request":
            return
        if fault == "cut answer":
            answer = answer[: int(part * len(answer))]
        client.sendall(answer)
        if fault in ("repeat", "repeat later"):
            client.close()
            time.sleep(0 if fault == "repeat" else 3 * wait)  # overtaken by newer batches
            self._ask(request)

    def _ask(self, request: bytes, *, slow: bool = False) -> bytes:
        with socket.create_connection(("127.0.0.1", self._to), timeout=10) as server:
            if slow:
                for at in range(0, len(request), max(1, len(request) // 10)):
                    server.sendall(request[at : at + max(1, len(request) // 10)])
                    time.sleep(0.01)
            else:
                server.sendall(request)
            if not is_whole(request):
                return b""
            return read_message(server)


def read_message(connection: socket.socket) -> bytes:
    """Return one HTTP message with its body; what came of it where the peer hung up."""
    data = b""
    while not is_whole(data):
        part = connection.recv(1 << 16)
        if not part:
            break
        data += part
    return data


def is_whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return False
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return len(body) >= length
