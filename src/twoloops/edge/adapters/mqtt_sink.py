"""Sink: each verdict as JSON under a topic of an MQTT broker. The line never waits."""

import threading
import time
from typing import Any

import msgspec

from twoloops.edge.adapters import mqtt
from twoloops.edge.adapters.asked import Asked
from twoloops.edge.adapters.mqtt import Broker
from twoloops.edge.adapters.outbox import LEAVING, WAITING
from twoloops.edge.ports import Verdict
from twoloops.records.errors import TransientError

ANSWERS = 64 << 10
"""Bytes of the largest packet that the broker may send: it has nothing to say but yes."""


class MqttSink:
    """Publishes verdicts with QoS 1. The receiver may see one twice: `key` and `place` tell.

    Args:
        where: The broker and the topic.
        edge: The edge's name, a part of the client id.
        most: Verdicts that may wait for the broker, those under way included.
        leaving: Seconds that `close` waits for what is not acknowledged yet.
    """

    def __init__(
        self, where: Broker, edge: str, *, most: int = WAITING, leaving: float = LEAVING
    ) -> None:
        self._topic, self._leaving = where.topic, leaving
        self._change = threading.Condition()
        self._under_way: set[int] = set()
        self._early: set[int] = set()
        self._closed = False
        self.sent = self.dropped = 0
        """Verdicts the broker has, and those it never will."""
        self._client = mqtt.client(where, where.client(edge, "sink"), persistent=False)
        self._client.max_queued_messages_set(most)
        self._client.on_publish = self._published
        mqtt.begin(self._client, where, persistent=False, in_flight=1, largest=ANSWERS)

    def put(self, verdict: Verdict) -> None:
        """Queue one and return at once.

        Raises:
            TransientError: The queue is full or closed: it is counted and will not be sent.
        """
        with self._change:
            if self._closed:
                self.dropped += 1
                raise TransientError("a verdict is not told: the sink is closed")
        info = self._client.publish(self._topic, msgspec.json.encode(verdict), qos=1)
        with self._change:
            if info.rc not in _queued():
                self.dropped += 1
                raise TransientError(f"a verdict is not told: {info.rc.name}")
            if info.mid in self._early:  # acknowledged before this thread came here
                self._early.discard(info.mid)
            else:
                self._under_way.add(info.mid)

    def close(self) -> None:
        """Wait a little for what is under way; a second call does nothing."""
        until = time.monotonic() + self._leaving
        with self._change:
            if self._closed:
                return
            self._closed = True
            while self._under_way and (left := until - time.monotonic()) > 0:
                self._change.wait(left)
        mqtt.leave(self._client)
        with self._change:
            self.dropped += len(self._under_way)
            self._under_way.clear()

    def _published(self, client: Any, _: Any, mid: int, reason: Any, properties: Any) -> None:
        with self._change:
            if reason.is_failure:
                self.dropped += 1
            else:
                self.sent += 1
            if mid in self._under_way:
                self._under_way.discard(mid)
            else:
                self._early.add(mid)
            self._change.notify_all()


def _queued() -> tuple[Any, ...]:
    """Return the codes after which paho has the message, and will send it."""
    from paho.mqtt.enums import MQTTErrorCode

    return MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN


def sink(asked: Asked) -> MqttSink:
    """Return the sink of `mqtt://HOST:PORT/TOPIC` or `mqtts://…`."""
    return MqttSink(mqtt.broker(asked.words, "--sink", wildcards=False), asked.edge)
