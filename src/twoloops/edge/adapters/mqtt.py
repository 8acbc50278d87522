"""What source and sink of MQTT have in common: where the broker is, and a connection to it."""

import logging
import os
import random
import threading
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from twoloops.records.digests import digest_bytes
from twoloops.records.errors import MissingExtraError, UserError

USER, PASSWORD, CA = "TWOLOOPS_MQTT_USER", "TWOLOOPS_MQTT_PASSWORD", "TWOLOOPS_MQTT_CA"
"""Environment: how one logs in, and a file of certificates that a private broker is known by."""
PORTS = {"mqtt": 1883, "mqtts": 8883}
VERSIONS = ("5", "3.1.1")
KEEPALIVE = 30
"""Seconds of silence after which either side asks whether the other is there."""
SOONEST, LATEST = 1.0, 120.0
"""Seconds that the first wait between two tries to connect has about, and the longest."""
PATIENCE = 5.0
"""Seconds to let a connection go in order."""
LONGEST_KEPT = 30 * 24 * 3600
"""Seconds that a broker keeps a session without its client (MQTT 5)."""

log = logging.getLogger("twoloops.edge.mqtt")


class Broker(NamedTuple):
    """A broker and a topic there.

    Args:
        host: Its name or address.
        port: Its port.
        tls: Whether the connection is encrypted and the broker's name checked.
        topic: What is subscribed to or published under.
        version: Of the protocol, from `VERSIONS`.
    """

    host: str
    port: int
    tls: bool
    topic: str
    version: str

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}/{self.topic}"

    def client(self, edge: str, role: str) -> str:
        """Return the client id: the same after a restart, another one for another topic."""
        return f"twoloops-{edge}-{role}-{digest_bytes(self.topic.encode())[-8:]}"


def broker(words: str, option: str, *, wildcards: bool) -> Broker:
    """Return what `mqtt://HOST[:PORT]/TOPIC[?version=3.1.1]` names; `mqtts` means TLS.

    Args:
        words: The URL; `?` in a topic is written `%3F`, and `#` as it is.
        option: Of the command line, for messages.
        wildcards: Whether the topic may hold `+` and `#`.

    Raises:
        UserError: It names no broker or topic, or holds a secret.
    """
    scheme, _, rest = words.partition("://")
    place, _, path = rest.partition("/")
    if "@" in place:
        raise UserError(
            "a broker's URL holds no user and password (a list of processes shows them): set "
            f"{USER} and {PASSWORD} instead"
        )
    topic, _, query = path.partition("?")
    topic, asked = unquote(topic), dict(parse_qsl(query, keep_blank_values=True))
    version = asked.pop("version", VERSIONS[0])
    try:
        parts = urlsplit(f"//{place}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if scheme not in PORTS or not host or not topic or asked or version not in VERSIONS:
        raise UserError(
            f"{option} {words!r} is none: write  mqtt://HOST:PORT/TOPIC , with mqtts for TLS and "
            "?version=3.1.1 for a broker that does not speak MQTT 5"
        )
    if not wildcards and ("+" in topic or "#" in topic):
        raise UserError(
            f"{option} {words!r}: nothing can be published under {topic!r}; name one topic"
        )
    return Broker(host, port or PORTS[scheme], scheme == "mqtts", topic, version)


def client(where: Broker, name: str, *, persistent: bool) -> Any:
    """Return a client of paho that is not connected yet.

    Args:
        where: The broker.
        name: The client id.
        persistent: Whether the broker keeps the session, and messages are acknowledged by hand.

    Raises:
        MissingExtraError: paho is not installed.
        UserError: The file of certificates cannot be read.
    """
    try:
        from paho.mqtt import client as paho
    except ImportError as error:
        raise MissingExtraError("MQTT", "industrial") from error
    five = where.version == "5"
    made = paho.Client(
        paho.CallbackAPIVersion.VERSION2,
        client_id=name,
        clean_session=None if five else not persistent,
        protocol=paho.MQTTv5 if five else paho.MQTTv311,
        manual_ack=persistent,
    )
    if where.tls:
        try:
            made.tls_set(ca_certs=os.environ.get(CA))
        except (OSError, ValueError) as error:
            raise UserError(
                f"cannot read the certificates in {os.environ.get(CA)!r} ({error}): set {CA} to a "
                "file of PEM certificates, or unset it for those of the system"
            ) from error
    if user := os.environ.get(USER):
        made.username_pw_set(user, os.environ.get(PASSWORD))
    # Drawn, so that many edges whose broker was away do not come back in one instant.
    made.reconnect_delay_set(SOONEST * random.uniform(0.5, 1.5), LATEST * random.uniform(0.5, 1))
    return made


def begin(made: Any, where: Broker, *, persistent: bool, in_flight: int, largest: int) -> None:
    """Connect in the background, again and again.

    Args:
        made: The client.
        where: The broker.
        persistent: As the client was made.
        in_flight: Messages the broker may send ahead of their acknowledgement (MQTT 5).
        largest: Bytes of the largest packet it may send (MQTT 5).
    """
    if where.version == "5":
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        said = Properties(PacketTypes.CONNECT)
        said.ReceiveMaximum, said.MaximumPacketSize = in_flight, largest
        if persistent:
            said.SessionExpiryInterval = LONGEST_KEPT
        made.connect_async(
            where.host, where.port, KEEPALIVE, clean_start=not persistent, properties=said
        )
    else:
        made.connect_async(where.host, where.port, KEEPALIVE)
    made.loop_start()


def leave(made: Any) -> None:
    """Disconnect; a broker that hangs is waited for some seconds only."""
    made.disconnect()
    ending = threading.Thread(target=made.loop_stop, name="mqtt-end", daemon=True)
    ending.start()
    ending.join(PATIENCE)
