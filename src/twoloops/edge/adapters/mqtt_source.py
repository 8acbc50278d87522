"""Source: the messages of a topic of an MQTT broker, each an input.

The broker keeps a session for the edge, so it holds what comes while the edge is away; a message is
acknowledged only once what was kept of it is durable. QoS 1 means at least once: what comes twice
is told apart as far as the protocol allows (`edge.adapters.seen`).
"""

import logging
import queue
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from twoloops.edge.adapters import mqtt, payloads
from twoloops.edge.adapters.asked import Asked
from twoloops.edge.adapters.handing import AGAIN, Group, hand_in
from twoloops.edge.adapters.limits import LARGEST
from twoloops.edge.adapters.mqtt import Broker
from twoloops.edge.adapters.quarantine import Quarantine
from twoloops.edge.adapters.seen import Seen, identity
from twoloops.edge.agent import Tally
from twoloops.edge.ports import Line
from twoloops.edge.sources import Arrival
from twoloops.edge.station import PERIOD
from twoloops.records.errors import TransientError, UserError

GROUP = 8
"""Messages decided on together."""
IN_FLIGHT = 20
"""Messages the broker may send ahead of their acknowledgement: mosquitto's own limit, too."""
WAITING = 256
"""Messages of QoS 0 that may wait to be decided on; what comes beyond is counted."""
LOOK = 0.1
"""Seconds between two looks whether to stop."""
HEADROOM = 64 << 10
"""Bytes that a packet has beside its payload."""
LASTING = (
    "Bad user name or password",
    "Banned",
    "Client identifier not valid",
    "Not authorized",
    "Unsupported protocol version",
)
"""Refusals of a first connection that a person must see to."""
KEY, ORIGIN = "key", "origin"
"""User properties (MQTT 5): what the sender calls the message, and where it came from."""

log = logging.getLogger("twoloops.edge.mqtt")


class _Come(NamedTuple):
    """A message as it came; `connection` is the number of the connection it came over."""

    connection: int
    message: Any
    at: datetime


class _Input(NamedTuple):
    """A message that is handed in."""

    come: _Come
    identity: int
    keyed: bool
    arrival: Arrival
    key: str


class MqttSource:
    """Takes the messages of a topic until stopped.

    Args:
        where: The broker and the topic, which may hold `+` and `#`.
        edge: The edge's name, by which the broker knows it: two edges of one name disturb each
            other.
        quarantine: A folder for messages that cannot be used.
    """

    def __init__(self, where: Broker, edge: str, quarantine: Path) -> None:
        self._where, self._name = where, where.client(edge, "source")
        self._quarantine = Quarantine(quarantine)
        self._client = mqtt.client(where, self._name, persistent=True)
        self._client.on_connect, self._client.on_subscribe = self._connected, self._subscribed
        self._client.on_disconnect, self._client.on_message = self._lost, self._came
        unreached = "it is not reached" + where.tls * ", or its certificate is not believed"
        self._client.on_connect_fail = lambda client, userdata: self._away(unreached)
        self._queue: queue.Queue[_Come] = queue.Queue(WAITING)
        self._lock = threading.Lock()  # guards the three below
        self._connection, self._is_connected = 0, False
        self.trouble = ""
        self._refusal = ""
        self._stop = threading.Event()
        self.ready = threading.Event()
        """Set while the broker has the subscription."""
        self.repeated = self.retained = self.not_taken = 0
        """Messages known from before, kept by the broker for show, and of QoS 0 with no room."""

    @property
    def refused(self) -> int:
        """Messages that could not be used."""
        return self._quarantine.refused

    def run(self, line: Line, stop: threading.Event) -> None:
        """Take messages until stopped.

        Raises:
            UserError: The broker refuses the connection or the topic.
        """
        self._stop = stop
        largest = LARGEST[line.task.kind] + HEADROOM
        seen = self._seen(line)
        if seen is None:
            return
        mqtt.begin(self._client, self._where, persistent=True, in_flight=IN_FLIGHT, largest=largest)
        try:
            while not stop.is_set():
                if self._refusal:
                    raise UserError(self._refusal)
                if group := self._group():
                    self._take(line, seen, group, stop)
        finally:
            self._stop = _set()  # whoever waits for room in the queue ends
            mqtt.leave(self._client)

    def _seen(self, line: Line) -> Seen | None:
        while not self._stop.is_set():
            try:
                return Seen(f"mqtt:{self._name}", line)
            except TransientError:
                self._stop.wait(AGAIN)
        return None

    def _group(self) -> list[_Come]:
        """Return the next messages of this connection; those of an earlier one come again."""
        group: list[_Come] = []
        try:
            group.append(self._queue.get(timeout=LOOK))
            while len(group) < GROUP:
                group.append(self._queue.get_nowait())
        except queue.Empty:
            pass
        return [one for one in group if one.message.qos == 0 or self._is_current(one)]

    def _take(self, line: Line, seen: Seen, group: list[_Come], stop: threading.Event) -> None:
        """Make what is kept of a group durable, then acknowledge it, in the order it came."""
        inputs: list[_Input] = []
        for come in group:
            one = self._read(line, seen, come, inputs, stop)
            if one is not None:
                inputs.append(one)
        if stop.is_set():
            return
        if inputs:
            handed = Group(
                [one.key for one in inputs],
                [one.arrival for one in inputs],
                [seen.next(one.identity) for one in inputs],
            )
            if not hand_in(line, handed, stop, AGAIN, counting=False, on_tally=self._tallied):
                return
            for one in inputs:
                seen.add(one.identity, keyed=one.keyed)
        for come in group:
            self._acknowledge(come)

    def _read(
        self, line: Line, seen: Seen, come: _Come, before: list[_Input], stop: threading.Event
    ) -> _Input | None:
        """Return a message as an input; `None` where it is none, or was one already."""
        message = come.message
        if message.retain:  # the topic's last value, shown to whoever comes: it was one before
            self.retained += 1
            return None
        key, origin = _said(message)
        number = b"" if key else message.mid.to_bytes(2, "big")
        known = identity(key.encode(), number, message.topic.encode(), message.payload)
        if not key and not message.dup:
            seen.forget(known)
        is_repeat = seen.knows(known)
        if is_repeat or (key and any(one.identity == known for one in before)):
            self.repeated += 1
            return None
        try:
            payload = payloads.read(line.task.kind, message.payload)
        except UserError as error:
            self._set_aside(message.payload, str(error), stop)
            return None
        arrival = Arrival(payload.input, come.at, PERIOD, origin or payload.origin)
        return _Input(come, known, bool(key), arrival, key or f"{message.topic}:{known:016x}")

    def _tallied(self, group: Group, tally: Tally) -> None:
        for index, reason in tally.quarantined:
            self._set_aside(group.arrivals[index].input, reason, self._stop)

    def _set_aside(self, data: bytes, reason: str, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._quarantine.put(data, reason)
                return
            except TransientError:
                stop.wait(AGAIN)

    def _is_current(self, come: _Come) -> bool:
        with self._lock:
            return self._is_connected and come.connection == self._connection

    def _acknowledge(self, come: _Come) -> None:
        """Acknowledge a message over the connection it came over: elsewhere its number is none."""
        if come.message.qos == 0:
            return
        with self._lock:
            if self._is_connected and come.connection == self._connection:
                self._client.ack(come.message.mid, come.message.qos)

    # What follows is called by the client's own thread.

    def _connected(self, client: Any, _: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._away(str(reason))
            if not self._connection and str(reason) in LASTING:
                self._refusal = (
                    f"the broker {self._where} refuses the connection ({reason}): set "
                    f"{mqtt.USER} and {mqtt.PASSWORD}, or add ?version=3.1.1 to the source where "
                    "it does not speak MQTT 5"
                )
            return
        with self._lock:
            self._connection += 1
            self._is_connected, was_away, self.trouble = True, bool(self.trouble), ""
        if was_away:
            log.warning("%s is there again", self._where)
        client.subscribe(self._where.topic, **self._how())

    def _how(self) -> dict[str, Any]:
        if self._where.version != "5":
            return {"qos": 1}
        from paho.mqtt.subscribeoptions import SubscribeOptions

        return {
            "options": SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        }

    def _subscribed(self, client: Any, _: Any, mid: int, reasons: Any, properties: Any) -> None:
        if any(one.is_failure for one in reasons):
            self._refusal = (
                f"the broker {self._where} refuses the topic ({reasons[0]}): allow the client "
                f"{self._name!r} to read it, or name another one"
            )
        else:
            self.ready.set()

    def _lost(self, client: Any, _: Any, flags: Any, reason: Any, properties: Any) -> None:
        with self._lock:
            self._is_connected = False
        self.ready.clear()
        if reason.is_failure:
            self._away(str(reason))

    def _away(self, why: str) -> None:
        with self._lock:
            was_away, self.trouble = bool(self.trouble), f"{self._where} is away ({why})"
        if not was_away:
            log.warning("%s is away (%s); it is tried again and again", self._where, why)

    def _came(self, client: Any, _: Any, message: Any) -> None:
        come = _Come(self._connection, message, datetime.now(UTC))
        if message.qos == 0:
            try:
                self._queue.put_nowait(come)
            except queue.Full:
                self.not_taken += 1
            return
        while not self._stop.is_set():  # the broker waits meanwhile, and keeps what it has
            try:
                self._queue.put(come, timeout=LOOK)
                return
            except queue.Full:
                continue


def _said(message: Any) -> tuple[str, str | None]:
    """Return the sender's key, empty without one, and the origin it names (MQTT 5)."""
    said = getattr(message, "properties", None)
    users = dict(getattr(said, "UserProperty", None) or ())
    correlation = getattr(said, "CorrelationData", None)
    key = users.get(KEY) or (correlation.hex() if correlation else "")
    return key, users.get(ORIGIN) or None


def _set() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


def source(asked: Asked) -> MqttSource:
    """Return the source of `mqtt://HOST:PORT/TOPIC` or `mqtts://…`."""
    where = mqtt.broker(asked.words, "--source", wildcards=True)
    return MqttSource(where, asked.edge, asked.folder / "quarantine")
