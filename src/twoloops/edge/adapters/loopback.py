"""Source: HTTP on loopback for the line's own software; a verdict within the takt, always.

`POST /decide` with one input as body answers within the task's latency budget: with the model's
verdict, or else with the fail-safe label. Inputs are decided on one after the other by one thread,
so what a line is told late is decided and kept all the same. `GET /status` says how it goes.

Only this machine is listened to, and pages of a browser are refused (their `Origin`, another
`Host`): there is no token here.
"""

import ipaddress
import queue
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from twoloops.edge.adapters.asked import Asked
from twoloops.edge.adapters.limits import LARGEST
from twoloops.edge.agent import Tally
from twoloops.edge.sources import Arrival
from twoloops.edge.station import PERIOD, Station
from twoloops.records.errors import TransientError, UserError
from twoloops.records.observation import Decision
from twoloops.records.task import Task

WAITING = 64
"""Inputs that may wait to be decided on; what comes beyond is told the fail-safe at once."""
PATIENCE = 10.0
"""Seconds a connection may be silent."""


class Answer(msgspec.Struct, frozen=True):
    """What the line is told.

    Args:
        label: What to act on.
        fail_safe: Whether no verdict came in time, and `label` is the fail-safe.
        decision: All that the model said; `None` without a verdict.
        place: Where it is kept, durably; `None` where it is not, or not yet.
        why: Why there is no verdict; empty otherwise.
    """

    label: str
    fail_safe: bool
    decision: Decision | None
    place: str | None
    why: str = ""


class _Job:
    def __init__(self, key: str, arrival: Arrival) -> None:
        self.key, self.arrival = key, arrival
        self.decided, self.durable = threading.Event(), threading.Event()
        self.tally: Tally | None = None
        self.why = ""


class LoopbackSource:
    """Serves the line's software.

    Args:
        address: Host and port; the host is this machine's loopback. Port 0 takes a free one.
        fail_safe: The label told when there is no verdict in time; `None` takes the task's first
            fault, or its first label where none is normal.

    Raises:
        UserError: Others could reach it, or the port is taken.
    """

    def __init__(self, address: tuple[str, int], *, fail_safe: str | None = None) -> None:
        host, port = address
        if host != "localhost" and not _is_loopback(host):
            raise UserError(
                f"the edge listens on loopback only: got {host!r}; name  http://127.0.0.1:PORT"
            )
        self.fail_safe = fail_safe
        self._queue: queue.Queue[_Job | None] = queue.Queue(WAITING)
        handler = type("_Bound", (_Handler,), {"source": self})
        try:
            self._server = ThreadingHTTPServer((host, port), handler)
        except OSError as error:
            raise UserError(f"cannot listen at {host}:{port}: {error.strerror}") from error
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.station: Station | None = None

    def run(self, line: Any, stop: threading.Event) -> None:
        """Serve until stopped.

        Args:
            line: The station: besides what a `Line` does, it decides and settles apart.
            stop: Ends it.

        Raises:
            UserError: The fail-safe is no label of the task.
        """
        assert isinstance(line, Station)
        if self.fail_safe is not None and self.fail_safe not in line.task.labels:
            raise UserError(
                f"--fail-safe {self.fail_safe!r} is no label of task {line.task.name!r}: choose "
                f"one of {list(line.task.labels)}"
            )
        self.station = line
        worker = threading.Thread(target=self._work, args=(line,), name="decide", daemon=True)
        server = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="loopback", daemon=True
        )
        worker.start()
        server.start()
        stop.wait()
        self._server.shutdown()
        self._queue.put(None)
        worker.join()
        self._server.server_close()

    def answer(self, arrival: Arrival, began: float) -> Answer:
        """Return the verdict on an input, or the fail-safe once the takt is over."""
        assert self.station is not None
        task = self.station.task
        until = began + task.latency_budget_ms / 1000
        job = _Job(arrival.origin or "", arrival)
        try:
            self._queue.put_nowait(job)
        except queue.Full:
            self.station.not_kept += 1
            return self._without(task, f"{WAITING} inputs wait already")
        if not job.decided.wait(max(0.0, until - time.monotonic())):
            return self._without(task, f"no verdict within {task.latency_budget_ms:.0f} ms")
        tally = job.tally
        if tally is None or tally.quarantined:
            return self._without(task, job.why or "it cannot be used")
        (decision,), (counter,) = tally.decisions, tally.counters
        durable = job.durable.wait(max(0.0, until - time.monotonic()))
        place = self.station.place(counter) if durable else None
        if decision is None:
            return Answer(self._label(task), True, None, place, "no model is deployed yet")
        return Answer(decision.label, False, decision, place)

    def _work(self, station: Station) -> None:
        while (job := self._queue.get()) is not None:
            try:
                try:
                    job.tally = station.decide([job.arrival])
                except TransientError:  # a full disk must not stop the line
                    job.tally = station.decide_only([job.arrival])
                if job.tally.quarantined:
                    job.why = job.tally.quarantined[0][1]
                job.decided.set()
                station.settle([job.key], job.tally)
                job.durable.set()
            except TransientError:
                pass  # it waits in memory, and is written once that is possible
            except Exception as error:  # whatever it is, the next input must be decided on
                job.why = f"an error of twoloops itself: {type(error).__name__}: {error}"
                job.decided.set()

    def _without(self, task: Task, why: str) -> Answer:
        return Answer(self._label(task), True, None, None, why)

    def _label(self, task: Task) -> str:
        if self.fail_safe is not None:
            return self.fail_safe
        return (task.faults or task.labels)[0]


class _Handler(BaseHTTPRequestHandler):
    source: LoopbackSource
    timeout = PATIENCE
    server_version, sys_version = "twoloops", ""
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        began = time.monotonic()
        url = urlsplit(self.path)
        if url.path != "/decide":
            self._say(404, {"detail": "there is  POST /decide  and  GET /status"})
            return
        data = self._body()
        if data is None:
            return
        origin = parse_qs(url.query).get("origin", [None])[0]
        arrival = Arrival(data, datetime.now(UTC), PERIOD, origin)
        answer = self.source.answer(arrival, began)
        self._say(200, answer)

    def do_GET(self) -> None:
        station = self.source.station
        if not self._is_ours() or station is None:
            return
        if self.path != "/status":
            self._say(404, {"detail": "there is  POST /decide  and  GET /status"})
            return
        self._say(200, station.standing())

    def _body(self) -> bytes | None:
        """Return the body, or refuse and return `None`."""
        assert self.source.station is not None
        if not self._is_ours():
            return None
        said, most = self.headers.get("Content-Length", ""), LARGEST[self.source.station.task.kind]
        if not said.isdigit():
            self._refuse(411, "the body needs a Content-Length")
            return None
        if int(said) > most:
            self._refuse(413, f"an input has at most {most:,} bytes")
            return None
        data = self.rfile.read(int(said))
        if len(data) < int(said):
            self._refuse(400, "the body was cut off")
            return None
        return data

    def _is_ours(self) -> bool:
        """Whether the line's software asks, and no page that a browser shows."""
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
        if "Origin" in self.headers or not (host == "localhost" or _is_loopback(host)):
            self._refuse(403, "only programs of this machine may ask, by a loopback address")
            return False
        return True

    def _refuse(self, status: int, detail: str) -> None:
        self.close_connection = True
        self._say(status, {"detail": detail})

    def _say(self, status: int, record: Any) -> None:
        body = msgspec.json.encode(record)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def source(asked: Asked) -> LoopbackSource:
    """Return the source of `http://127.0.0.1:PORT`.

    Raises:
        UserError: It names no port, or more than an address.
    """
    parts = urlsplit(asked.words)
    if not parts.hostname or parts.port is None or parts.path not in ("", "/"):
        raise UserError(f"--source {asked.words!r} names no port: write  http://127.0.0.1:PORT")
    return LoopbackSource((parts.hostname, parts.port), fail_safe=asked.fail_safe)
