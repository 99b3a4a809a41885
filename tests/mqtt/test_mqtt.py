"""MQTT: addresses, discovery, and a connection to a real broker that fails in every way."""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from fakes import wait_until
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from seaformer_edge.errors import SinkError
from seaformer_edge.mqtt import Broker, MqttPublisher, publisher, read_broker
from seaformer_edge.mqtt.discovery import discovery_messages, identifier
from seaformer_edge.zones import Event, Rule, Zone

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
needs_broker = pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto")

RULE = Rule("person", above=0.05)
ZONE = Zone('the "zebra" }} crossing', ((0, 0), (1, 0), (0, 1)), (RULE, Rule("car", above=0.5)))
CLASSES = ("road", "person", "car")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "RECONNECT_S", (0.05, 0.1))
    monkeypatch.setattr(publisher, "STATE_INTERVAL_S", 0.0)


def free_port() -> int:
    """A port of loopback on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


class Mosquitto:
    """A broker on loopback, and what a client of it has received by topic."""

    def __init__(self, folder: Path, port: int, *settings: str) -> None:
        self.port = port
        self._config = folder / "mosquitto.conf"
        # Without "user", a broker that root starts may not read the folder.
        lines = ["user root", f"listener {port} 127.0.0.1", *settings, ""]
        self._config.write_text("\n".join(lines))
        self.received: dict[str, bytes] = {}
        self.start()

    def start(self) -> None:
        assert MOSQUITTO is not None
        self.process = subprocess.Popen([MOSQUITTO, "-c", self._config], stderr=subprocess.DEVNULL)
        wait_until(self._listens)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def watch(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2)
        client.on_message = self._keep
        client.on_connect = lambda *_: client.subscribe("#")
        client.reconnect_delay_set(1, 1)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        return client

    def _keep(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        self.received[message.topic] = message.payload


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    server = Mosquitto(tmp_path, free_port(), "allow_anonymous true")
    client = server.watch()
    yield server
    client.loop_stop()
    server.stop()


def event(begins: bool) -> Event:
    return Event(ZONE.name, RULE, begins, 0.25, 1.0)


TOPIC = "seaformer-edge/porch"


@needs_broker
def test_state_shares_and_events_reach_the_broker(broker: Mosquitto) -> None:
    received = broker.received
    mqtt = MqttPublisher(Broker("127.0.0.1", broker.port), "porch", [ZONE])
    try:
        mqtt.describe([ZONE], CLASSES)
        wait_until(lambda: received.get(f"{TOPIC}/status") == b"online")
        mqtt.publish_state({"inference_fps": 9.5})
        mqtt.publish_shares({ZONE.name: {"road": 0.5}})
        mqtt.publish_event(event(True), {"zone": ZONE.name})
        wait_until(lambda: f"{TOPIC}/event" in received)
        assert json.loads(received[f"{TOPIC}/state"]) == {"inference_fps": 9.5}
        assert json.loads(received[f"{TOPIC}/zones"]) == {ZONE.name: {"road": 0.5}}
        assert received[f"{TOPIC}/zone/0/rule/0"] == b"ON"
        assert received[f"{TOPIC}/zone/0/rule/1"] == b"OFF"
        assert len([t for t in received if t.startswith("homeassistant/")]) == 3 + 3 + 2

        # Home Assistant starts anew: everything is announced again, and events go on.
        received.clear()
        mqtt._client.publish("homeassistant/status", "online")
        wait_until(lambda: f"{TOPIC}/status" in received)
        assert received[f"{TOPIC}/zone/0/rule/0"] == b"ON"
        mqtt.publish_event(event(False), {"zone": ZONE.name})
        wait_until(lambda: received[f"{TOPIC}/zone/0/rule/0"] == b"OFF")

        # Other zones: what the broker keeps of those before is removed.
        del received[f"{TOPIC}/status"]
        mqtt.describe([Zone("new", ZONE.polygon, (RULE,))], CLASSES)
        wait_until(lambda: f"{TOPIC}/status" in received)
        shown = [json.loads(p)["name"] for t, p in received.items() if "/config" in t and p]
        assert len(shown) == 3 + 3 + 1
        assert not any("zebra" in name for name in shown)
        assert received[f"{TOPIC}/zone/0/rule/1"] == b""
    finally:
        mqtt.close()
    wait_until(lambda: received[f"{TOPIC}/status"] == b"offline")


@needs_broker
def test_a_broker_that_is_killed_and_comes_back(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    mqtt = MqttPublisher(Broker("127.0.0.1", broker.port), "porch", [ZONE])
    try:
        wait_until(lambda: broker.received.get(f"{TOPIC}/status") == b"online")
        broker.stop()
        wait_until(lambda: "trying again" in caplog.text)
        mqtt.publish_event(event(True), {})  # lost, but its state is told later
        mqtt.publish_state({"inference_fps": 1})
        broker.received.clear()
        broker.start()
        wait_until(lambda: broker.received.get(f"{TOPIC}/zone/0/rule/0") == b"ON")
        assert f"{TOPIC}/state" not in broker.received
        assert "connected again" in caplog.text
    finally:
        mqtt.close()


@needs_broker
def test_a_program_that_is_killed_is_offline(broker: Mosquitto) -> None:
    mqtt = MqttPublisher(Broker("127.0.0.1", broker.port), "porch", [])
    wait_until(lambda: broker.received.get(f"{TOPIC}/status") == b"online")
    mqtt._closed.set()
    sock = mqtt._client.socket()
    assert sock is not None
    sock.shutdown(socket.SHUT_RDWR)  # without a word, as at the end of a process
    wait_until(lambda: broker.received[f"{TOPIC}/status"] == b"offline")
    mqtt.close()


@needs_broker
def test_a_login_that_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = Mosquitto(tmp_path, free_port(), "allow_anonymous false")
    login = Broker("127.0.0.1", server.port, username="porch", password="s3cret")
    mqtt = MqttPublisher(login, "porch", [])
    try:
        wait_until(lambda: "refused the connection (Not authorized)" in caplog.text)
        assert "s3cret" not in caplog.text + repr(login) + str(login)
    finally:
        mqtt.close()
        server.stop()


def make_certificates(folder: Path) -> None:
    """Makes ca.crt, and a certificate of 127.0.0.1 that is signed by it: broker.crt, broker.key."""
    new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2"
    signed = "-CA ca.crt -CAkey ca.key -addext subjectAltName=IP:127.0.0.1"
    for options in (
        "-subj /CN=own-CA -keyout ca.key -out ca.crt",
        f"-subj /CN=broker -keyout broker.key -out broker.crt {signed}",
    ):
        command = f"{new} {options}".split()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)


@needs_broker
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
# paho-mqtt leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls_with_a_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_certificates(tmp_path)
    (tmp_path / "passwords").touch()
    writer = shutil.which("mosquitto_passwd", path=f"{os.environ['PATH']}:/usr/sbin")
    assert writer is not None
    command = [writer, "-b", tmp_path / "passwords", "porch", "s3cret"]
    subprocess.run(command, check=True, capture_output=True)
    server = Mosquitto(
        tmp_path,
        free_port(),
        *(f"certfile {tmp_path}/broker.crt", f"keyfile {tmp_path}/broker.key"),
        *("allow_anonymous false", f"password_file {tmp_path}/passwords"),
    )
    address = f"mqtts://porch:%s@127.0.0.1:{server.port}"
    try:
        # A certificate of an unknown CA, then that CA and a wrong password, then all is right.
        mqtt = MqttPublisher(read_broker(address % "s3cret"), "porch", [])
        wait_until(lambda: "its certificate is not accepted (unable to get local" in caplog.text)
        assert not mqtt._client.is_connected()
        mqtt.close()

        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
        mqtt = MqttPublisher(read_broker(address % "wr0ng"), "porch", [])
        wait_until(lambda: "refused the connection (Not authorized)" in caplog.text)
        mqtt.close()

        caplog.clear()
        mqtt = MqttPublisher(read_broker(address % "s3cret"), "porch", [])
        wait_until(mqtt._client.is_connected)
        server.stop()
        wait_until(lambda: "cannot be reached" in caplog.text or "lost" in caplog.text)
        server.start()
        wait_until(lambda: "connected again" in caplog.text)
        mqtt.close()
    finally:
        server.stop()
    assert "s3cret" not in caplog.text
    assert all("\n" not in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\x02\x00", b"\x20\xff\xff\xff\xff"]
)
def test_a_server_that_is_no_broker(answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1000)
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        mqtt = MqttPublisher(Broker("127.0.0.1", server.getsockname()[1]), "porch", [])
        wait_until(lambda: "trying again" in caplog.text)
        mqtt.publish_state({})
        started_s = monotonic()
        mqtt.close()
        assert monotonic() - started_s < publisher.CLOSE_S + 1
        server.shutdown(socket.SHUT_RDWR)
    assert not mqtt._thread.is_alive()


def test_nothing_listens(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        mqtt = MqttPublisher(Broker("127.0.0.1", free_port()), "porch", [])
        wait_until(lambda: "cannot be reached (Connection refused); trying" in caplog.text)
    mqtt.close()
    assert not mqtt._thread.is_alive()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mqtt://host", Broker("host", 1883)),
        ("mqtts://host/a/b/", Broker("host", 8883, tls=True, topic="a/b")),
        ("mqtt://me:p%40ss@[::1]:99", Broker("::1", 99, username="me", password="p@ss")),
    ],
)
def test_addresses_of_brokers(
    text: str, expected: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_broker(text) == expected
    (tmp_path / "url").write_text(f"{text}\n")
    assert read_broker(f"@{tmp_path / 'url'}") == expected
    monkeypatch.setenv("BROKER", text)
    assert read_broker("env:BROKER") == expected


@pytest.mark.parametrize(
    "text",
    [
        *("host", "http://host", "mqtt://", "mqtt://h:port", "mqtt://h/a/#", "mqtt://h/a/+"),
        *("@/no/file", "env:NONE_", "mqtt://u:s3cret@h:70000", "mqtt://u:s3cret@h?x=1"),
        *("u:s3cret@h", "mqtt://u:12/s3cret@h", "mqtt://u:s3cret@\x94", "mqtt://h:0"),
        *("mqtt://\udc80:s3cret@h", f"mqtt://u:s3cret@h/{'a' * 70_000}"),
    ],
)
def test_an_address_that_is_none(text: str) -> None:
    with pytest.raises(SinkError) as caught:
        read_broker(text)
    assert "s3cret" not in str(caught.value)


def test_discovery_has_one_device_and_unique_entities() -> None:
    twin = Zone("the zebra crossing", ZONE.polygon)
    messages = discovery_messages(TOPIC, "porch", [ZONE, twin], CLASSES)
    assert len(messages) == 3 + 2 * len(CLASSES) + 2
    assert len({m["unique_id"] for m in messages.values()}) == len(messages)
    assert len({json.dumps(m["device"]) for m in messages.values()}) == 1
    shown = {m["name"] for m in messages.values() if m.get("enabled_by_default")}
    assert shown == {f"{ZONE.name} person", f"{ZONE.name} car"}
    person = next(m for m in messages.values() if m["name"] == f"{ZONE.name} person")
    assert r'value_json["the \"zebra\" }} crossing"]["person"]' in str(person["value_template"])
    assert all(set(topic) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-/") for topic in messages)


def test_names_of_topics_are_distinct() -> None:
    names = ["porch", "Porch", "a b", "a_b", "a/b", "", "\u00e4", "#", "\udc80"]
    assert len({identifier(name) for name in names}) == len(names)
    assert identifier("porch") == "porch"
