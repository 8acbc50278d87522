"""MQTT with a real broker: what it had is stored once, whoever is killed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

import twoloops
from twoloops.checks import check_sink, check_source
from twoloops.checks.line import CheckedLine, opened
from twoloops.checks.sinks import verdict
from twoloops.checks.sources import GOOD, TEXTS
from twoloops.edge.adapters import mqtt
from twoloops.edge.adapters.asked import Asked
from twoloops.edge.adapters.mqtt_sink import MqttSink
from twoloops.edge.adapters.mqtt_source import MqttSource, source
from twoloops.records.errors import TransientError, UserError

paho = pytest.importorskip("paho.mqtt.client", reason="paho is not installed (extra: industrial)")
from mosquitto import Mosquitto, free_port  # noqa: E402 - without paho no broker is needed

SECONDS = 60.0
SUPPORT = Path(__file__).parent.parent / "support"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    one = Mosquitto(tmp_path_factory.mktemp("broker"))
    yield one
    one.kill()


@contextmanager
def connected(port: int, version: int = 5, name: str = "") -> Iterator[paho.Client]:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, name, protocol=version)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def said(**users: str):
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = list(users.items())
    return properties


def publish(port: int, topic: str, inputs: Sequence[bytes], **options: object) -> None:
    """Publish with QoS 1, and wait until the broker has all."""
    with connected(port) as client:
        infos = [client.publish(topic, data, qos=1, **options) for data in inputs]
        for info in infos:
            info.wait_for_publish(SECONDS)


@contextmanager
def taking(
    folder: Path, url: str, line_type: type[CheckedLine] = CheckedLine
) -> Iterator[tuple[MqttSource, CheckedLine]]:
    one = source(Asked(words=url, folder=folder))
    stop, failure = threading.Event(), []

    def work() -> None:
        try:
            one.run(line, stop)
        except UserError as error:
            failure.append(error)

    with opened(folder, TEXTS, line_type=line_type) as line:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            assert one.ready.wait(SECONDS)
            yield one, line
        finally:
            stop.set()
            thread.join(SECONDS)
    assert not failure


def wait(until) -> None:
    end = time.monotonic() + SECONDS
    while not until():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def subscribe(folder: Path, url: str) -> None:
    """Let the broker know the edge, so that it keeps what comes."""
    with taking(folder, url):
        pass


def laws_of_the_source(broker: Mosquitto):
    def url(folder: Path) -> str:
        return f"{broker.url}/{folder.name}"

    def lay(folder: Path, inputs: Sequence[bytes]) -> None:
        subscribe(folder, url(folder))
        publish(broker.port, folder.name, inputs)

    return check_source(lambda folder: source(Asked(words=url(folder), folder=folder)), lay=lay)


def test_the_source_keeps_the_laws(broker, monkeypatch) -> None:
    monkeypatch.setattr("twoloops.edge.adapters.mqtt_source.AGAIN", 0.01)
    for law in laws_of_the_source(broker):
        law()


def test_the_sink_keeps_the_laws(broker, tmp_path) -> None:
    keys: dict[str, list[str]] = {}

    def came(client, userdata, message) -> None:
        keys.setdefault(message.topic, []).append(json.loads(message.payload)["key"])

    def where(folder: Path, port: int) -> mqtt.Broker:
        return mqtt.broker(f"mqtt://127.0.0.1:{port}/told/{folder.name}", "", wildcards=False)

    with connected(broker.port) as client:
        client.on_message = came
        subscribed = threading.Event()
        client.on_subscribe = lambda *_: subscribed.set()
        client.subscribe("told/#", qos=1)
        assert subscribed.wait(SECONDS)
        laws = check_sink(
            lambda folder: MqttSink(where(folder, broker.port), "press-4"),
            told=lambda folder: keys.get(f"told/{folder.name}", []),
            away=lambda folder: MqttSink(where(folder, free_port()), "press-4", leaving=0.01),
        )
        for law in laws:
            law()


def test_verdicts_that_cannot_be_told_are_counted() -> None:
    where = mqtt.broker(f"mqtt://127.0.0.1:{free_port()}/told", "", wildcards=False)
    sink, refused = MqttSink(where, "press-4", most=10, leaving=0.01), 0
    for number in range(25):
        try:
            sink.put(verdict(str(number)))
        except TransientError:
            refused += 1
    sink.close()
    assert (refused, sink.sent, sink.dropped) == (15, 0, 25)


class Life:
    """A process of `mqtt_edge.py`, which never outlives its test by much."""

    def __init__(self, folder: Path, url: str, *dies: str) -> None:
        paths = [str(Path(twoloops.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        self.process = subprocess.Popen(
            [sys.executable, str(SUPPORT / "mqtt_edge.py"), str(folder), url, *dies],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        self.limit = threading.Timer(SECONDS, self.process.kill)
        self.limit.start()

    def until(self, word: str, count: int = 0) -> None:
        """Wait until it has said a word, with so large a number behind it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said, _, number = line.strip().partition(" ")
            if said == word and int(number or 0) >= count:
                return
        raise AssertionError(f"it ended with {self.process.wait()}, and never said {word} {count}")

    def ends(self) -> int:
        assert self.process.stdout is not None
        self.process.stdout.read()
        self.process.stdout.close()
        code = self.process.wait()
        self.limit.cancel()
        return code


def test_whoever_is_killed_every_message_is_stored_once(tmp_path) -> None:
    """Broker and edge are killed in turn; the edge before and after what it has is durable."""
    broker, folder = Mosquitto(tmp_path), tmp_path / "edge"
    folder.mkdir()
    url, inputs = f"{broker.url}/line/%2B/text", [f"hose {n} leaks".encode() for n in range(200)]
    try:
        first = Life(folder, url)
        first.until("ready")
        first.process.kill()
        first.ends()
        publish(broker.port, "line/7/text", inputs)
        for dies in ("before:1", "after:3", "before:4", "after:2"):
            broker.save()
            broker.kill()
            broker.start()
            assert Life(folder, url, dies).ends() == -signal.SIGKILL
        last = Life(folder, url)
        last.until("stored", 96)
        last.process.send_signal(signal.SIGSTOP)
        for _ in range(2):  # the broker has read by then what the edge has sent
            publish(broker.port, "other", [b"x"])
        broker.save()
        broker.kill()
        broker.start()
        last.process.send_signal(signal.SIGCONT)  # it finds the broker again
        last.until("stored", 200)
        last.process.terminate()
        assert last.ends() == 0
    finally:
        broker.kill()
    with opened(folder, TEXTS) as line:
        assert line.stored() == inputs


def test_a_broker_that_forgot_what_was_acknowledged_adds_nothing_where_senders_give_keys(
    tmp_path,
) -> None:
    broker = Mosquitto(tmp_path)
    try:
        url = f"{broker.url}/line"
        subscribe(tmp_path, url)
        with connected(broker.port) as client:
            for number in range(100):
                # The same text throughout: only the key tells one message from another.
                client.publish("line", b"a leak", 1, properties=said(key=f"part {number}"))
            wait(lambda: not client._out_messages)
        broker.save()
        with taking(tmp_path, url) as (one, line):
            wait(lambda: len(line.stored()) >= 50)
            broker.kill()
            broker.start()
            # What is stored is told a moment later.
            wait(lambda: len(line.told) >= 100 and one.repeated >= 50)
            keys = [one.key for one in line.told]
            assert sorted(keys) == sorted({f"part {number}" for number in range(100)})
            assert len(line.stored()) == 100
    finally:
        broker.kill()


def test_a_key_counts_once_and_without_one_each_message_does(broker, tmp_path) -> None:
    with taking(tmp_path, f"{broker.url}/keys") as (one, line):
        publish(broker.port, "keys", [b"a leak"] * 3, properties=said(key="7", origin="press 4"))
        publish(broker.port, "keys", [b"a leak"] * 3)
        wait(lambda: len(line.told) == 4)
        assert one.repeated == 2
        assert line.told[0].key == "7"


def test_what_cannot_be_used_is_set_aside_with_its_reason(broker, tmp_path) -> None:
    with taking(tmp_path, f"{broker.url}/bad") as (one, line):
        publish(broker.port, "bad", [b"\xff", b"x" * 65_537, b"a leak", b"\xff"])
        wait(lambda: one.refused == 3 and line.stored() == [b"a leak"])
    aside = tmp_path / "quarantine"
    reasons = sorted(path.read_text() for path in aside.glob("*.reason.txt"))
    assert "at most 65,536" in reasons[0]
    assert "UTF-8" in reasons[1]
    assert len(reasons) == 2  # the same bytes twice lie there once
    assert sorted(len(path.read_bytes()) for path in aside.glob("sha256-*[0-9a-f]")) == [1, 65_537]


def test_the_last_value_of_a_topic_is_no_new_input(broker, tmp_path) -> None:
    for version in ("5", "3.1.1"):
        folder, topic = tmp_path / version, f"kept/{version}"
        folder.mkdir()
        publish(broker.port, topic, [b"an old leak"], retain=True)
        with taking(folder, f"{broker.url}/{topic}?version={version}") as (_, line):
            publish(broker.port, topic, [b"a leak"])
            wait(lambda: line.stored())
            assert line.stored() == [b"a leak"]


def test_it_waits_for_a_broker_that_is_not_there_yet_and_for_a_disk_that_is_full(
    tmp_path, monkeypatch, caplog
) -> None:
    monkeypatch.setattr(mqtt, "SOONEST", 0.05)
    broker = Mosquitto(tmp_path)
    url = f"{broker.url}/line"
    try:
        subscribe(tmp_path, url)
        publish(broker.port, "line", [b"a leak", b"another"])
        broker.save()
        broker.kill()
        threading.Timer(0.2, broker.start).start()
        with taking(tmp_path, url) as (source, line):
            line.fail(1, 2)
            wait(lambda: len(line.stored()) == 2)
            assert source.trouble == ""
        assert [one.message.split(" (")[0].rsplit(" ", 2)[-2:] for one in caplog.records] == [
            ["is", "away"],
            ["there", "again"],
        ]
    finally:
        broker.kill()


def test_a_broker_that_refuses_is_told_in_a_sentence(tmp_path, monkeypatch) -> None:
    passwords = tmp_path / "passwords"
    passwords.touch(0o600)
    subprocess.run(
        ["mosquitto_passwd", "-b", str(passwords), "press", "s3cret"], check=True, timeout=30
    )
    broker = Mosquitto(tmp_path, f"password_file {passwords}", allow=False)
    try:
        with opened(tmp_path, TEXTS) as line, pytest.raises(UserError) as refused:
            source(Asked(words=f"{broker.url}/line", folder=tmp_path)).run(line, threading.Event())
        assert "refuses the connection" in str(refused.value)
        assert mqtt.PASSWORD in str(refused.value)
        monkeypatch.setenv(mqtt.USER, "press")
        monkeypatch.setenv(mqtt.PASSWORD, "s3cret")
        with taking(tmp_path, f"{broker.url}/line"):
            pass
    finally:
        broker.kill()


# paho leaves the socket of a handshake that failed to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_broker_with_a_certificate_is_believed_where_its_authority_is_named(
    tmp_path, monkeypatch, caplog
) -> None:
    monkeypatch.setattr(mqtt, "SOONEST", 0.05)
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    command += f" -addext subjectAltName=DNS:localhost -out {certificate} -keyout {key}"
    try:
        subprocess.run(command.split(), check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no openssl to make a certificate with: {error}")
    broker = Mosquitto(tmp_path, f"certfile {certificate}", f"keyfile {key}")
    url = f"mqtts://localhost:{broker.port}/line"
    try:
        one, stop = source(Asked(words=url, folder=tmp_path)), threading.Event()
        with opened(tmp_path, TEXTS) as line:
            thread = threading.Thread(target=one.run, args=(line, stop), daemon=True)
            thread.start()
            wait(lambda: caplog.records)
            stop.set()
            thread.join(SECONDS)
        assert "certificate is not believed" in caplog.records[0].message
        assert not one.ready.is_set()
        monkeypatch.setenv(mqtt.CA, str(certificate))
        with taking(tmp_path, url):
            pass
        monkeypatch.setenv(mqtt.CA, str(tmp_path / "none.pem"))
        with pytest.raises(UserError, match=r"none\.pem.*PEM"):
            source(Asked(words=url))
    finally:
        broker.kill()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("mqtt://broker", "mqtt://HOST:PORT/TOPIC"),
        ("mqtt://broker/", "mqtt://HOST:PORT/TOPIC"),
        ("mqtt:///line", "mqtt://HOST:PORT/TOPIC"),
        ("mqtt://broker:many/line", "mqtt://HOST:PORT/TOPIC"),
        ("mqtt://broker/line?version=4", "version=3.1.1"),
        ("mqtt://me:secret@broker/line", mqtt.PASSWORD),
        ("mqtt://broker/line/#", "nothing can be published"),
    ],
)
def test_words_that_name_no_broker_are_refused(words, said) -> None:
    with pytest.raises(UserError, match=said.replace("?", r"\?")) as refused:
        mqtt.broker(words, "--sink", wildcards=False)
    assert "secret" not in str(refused.value)


def test_a_url_names_broker_topic_and_version() -> None:
    one = mqtt.broker("mqtts://broker/line/7/#?version=3.1.1", "--source", wildcards=True)
    assert one == mqtt.Broker("broker", 8883, True, "line/7/#", "3.1.1")
    assert one.client("a", "source") != one._replace(topic="line/8").client("a", "source")
    assert len(GOOD) > 20  # more than one broker's window
