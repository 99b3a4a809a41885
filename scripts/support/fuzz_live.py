"""Fuzz targets: requests to the page of a live run, zone files, and answers of MQTT brokers."""

from __future__ import annotations

import json
import logging
import re
import select
import socket
import threading
from contextlib import suppress
from functools import cache
from time import monotonic
from unittest import mock

import numpy as np
from fakes import CARD, FAKE, FakeModels, wait_until
from fuzz_addresses import SECRET
from fuzz_inputs import ODD, Target, damaged, odd_inside, odd_json, put
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.inference.views import View
from seaformer_edge.live import LivePipeline, inference
from seaformer_edge.mqtt import Broker, MqttPublisher, publisher, read_broker
from seaformer_edge.mqtt.discovery import discovery_messages
from seaformer_edge.zones import Event, Rule, RuleWatch, Zone, ZoneShares, read_zones, write_zones

PATIENCE_S = 10.0
ANSWER_S = 0.2
TOKEN = "correct-horse-battery"

# The page's server.


class _Warnings(logging.Handler):
    """Keeps what is logged: a client must not be able to fill the log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


_warnings = _Warnings()


@cache
def _site() -> tuple[object, int]:
    """Controls and port of a server with a token; the run has ended, and its last result stays."""
    from seaformer_edge.web import server
    from seaformer_edge.web.access import Access
    from seaformer_edge.web.address import Address, listen
    from seaformer_edge.web.controls import Controls

    with (
        mock.patch.object(inference, "open_model", FakeModels()),
        LivePipeline("synthetic:96x64@30", FAKE, displayed=False) as pipeline,
    ):
        wait_until(lambda: (r := pipeline.newest()) is not None and r.card is not None)
    server.WRONG_TOKEN_S = 0.0
    listener = listen(Address("127.0.0.1", 0))
    port = listener.getsockname()[1]
    controls = Controls(pipeline, FAKE, CARD, View(), None)
    logging.getLogger("seaformer_edge.web").addHandler(_warnings)
    server.WebServer(pipeline, listener, controls, Access(TOKEN, "127.0.0.1", port)).__enter__()
    return controls, port


CHANGE: dict[str, object] = {
    "model": "fake",
    "mode": "mask",
    "opacity": 0.5,
    "classes": ["red"],
    "paused": False,
    "recording": False,
    "zone": {"name": "a", "polygon": [[0, 0], [1, 0], [0.5, 1]], "rules": []},
    "remove_zone": "a",
}


def _apply(body: object) -> None:
    controls, _ = _site()
    controls.apply(body)  # type: ignore[attr-defined]


def _request(path: str, *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


_KEY = f"Authorization: Bearer {TOKEN}"
_JSON, _FORM = "Content-Type: application/json", "Content-Type: application/x-www-form-urlencoded"
_REQUESTS = {
    **{
        path: _request(path, _KEY)
        for path in ("/", "/page.js", "/metrics", "/stream.mjpg", "/api/status", "/api/choices")
    },
    "/api/snapshot.jpg": _request("/api/snapshot.jpg", _KEY, "Origin: http://localhost"),
    "/api/mask.png": _request("/api/mask.png", _KEY, "Sec-Fetch-Site: same-origin"),
    "no token": _request("/api/status"),
    "login": _request("/login", _FORM, method="POST", body=f"token={TOKEN}".encode()),
    "cookie": _request("/api/status", "Cookie: seaformer-edge-1=00; a=b"),
    "control": _request(
        "/api/control", _KEY, _JSON, method="POST", body=json.dumps(CHANGE).encode()
    ),
    "chunked": _request("/api/control", _KEY, _JSON, "Transfer-Encoding: chunked", method="POST")
    + b'10\r\n{"paused": true}\r\n0\r\n\r\n',
}
_PATHS = st.text(st.characters(codec="latin-1"), max_size=30) | st.sampled_from(
    ["/..", "/%2e%2e/", "//", "/\\", "/%00", "*", "http://evil/", "/api/status?token=" + TOKEN]
)
_HEADERS = st.builds(
    "{}: {}".format,
    st.sampled_from(["Host", "Origin", "Cookie", "Authorization", "Content-Length", "Range", "X"]),
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=30)
    | st.sampled_from(["-1", "9" * 5000, "Basic " + "A" * 999, "a" * 9000, 'a="']),
)


def _requests() -> SearchStrategy[bytes]:
    bodies = odd_json(CHANGE).map(
        lambda body: _request("/api/control", _KEY, _JSON, method="POST", body=body)
    )
    made = st.builds(
        lambda path, headers: _request(path, _KEY, *headers), _PATHS, st.lists(_HEADERS, max_size=3)
    )
    return st.one_of(damaged(_REQUESTS).map(lambda named: named[1]), bodies, made)


def _ask(sent: object) -> None:
    """The server answers, or closes the connection; it neither fails nor tells anything."""
    assert isinstance(sent, bytes)
    _, port = _site()
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        reply = b""
        with suppress(ConnectionError):
            client.sendall(sent)
            if not select.select([client], [], [], ANSWER_S)[0]:
                client.shutdown(socket.SHUT_WR)  # the server waits for the rest of the request
            while b"multipart/x-mixed-replace" not in reply and (data := client.recv(65536)):
                reply += data
    logged = _warnings.texts.copy()
    _warnings.texts.clear()
    assert not logged, logged
    status = int(reply[9:12]) if re.match(rb"HTTP/1\.[01] \d{3} ", reply) else 0
    assert status < 500, reply[:200]
    if TOKEN.encode() not in sent:
        assert b"synthetic" not in reply, sent
        assert b"image/" not in reply, sent
    if not 200 <= status < 400:
        raise SeaformerEdgeError("refused")


# Zone files.

ZONES: dict[str, object] = {
    "zones": [
        {
            "name": "crossing",
            "polygon": [[0.1, 0.6], [0.9, 0.6], [1.0, 1.0], [0.0, 1.0]],
            "rules": [
                {"class": "red", "above": 0.05, "seconds": 2, "hysteresis": 0.01},
                {"class": "blue", "below": 0.5},
            ],
        },
        {"name": "sky", "polygon": [[0, 0], [1, 0], [0.5, 0.5]]},
    ]
}


def _zone_files() -> SearchStrategy[bytes]:
    # JSON with = for : is TOML.
    def toml(data: bytes) -> bytes:
        with suppress(ValueError):
            entries = json.loads(data)
            if isinstance(entries, dict):
                lines = (
                    f"{json.dumps(key)} = {json.dumps(value, separators=(', ', ' = '))}"
                    for key, value in entries.items()
                )
                return "\n".join(lines).encode()
        return data

    corners = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=9)
    shapes = corners.map(
        lambda polygon: json.dumps({"zones": [{"name": "a", "polygon": polygon}]}).encode()
    )
    return (shapes | odd_inside(ZONES)).map(toml)


_LABELS = np.random.default_rng(0).integers(0, 3, (24, 32), dtype=np.uint8)


def _use_zones(data: object) -> None:
    zones = read_zones(put("zones.toml", data))  # type: ignore[arg-type]
    watch = RuleWatch(zones, CARD.classes)
    shares = ZoneShares(zones)(_LABELS)
    assert ((shares >= 0) & (shares <= 1)).all()
    for at_s in range(4):
        watch.update(shares, at_s)
    again = put("again.toml", b"")
    write_zones(again, zones)
    assert read_zones(again) == zones


# MQTT.

_WORDS = st.text(max_size=20) | st.sampled_from(
    ["a" * 70_000, "a/b", "a//b", "%00", "$SYS", "\n", "\udc80"]
)
_BROKERS = st.builds(
    lambda scheme, user, host, path: f"{scheme}://{user}:{SECRET}@{host}/{path}",
    st.sampled_from(["mqtt", "mqtts", "MQTT", "http", ""]),
    _WORDS,
    st.sampled_from(["host", "[::1]:1", "host:0", "host:99999", "[", "", "a@b", "h\u00f6st", "-"])
    | _WORDS,
    _WORDS,
)


def _use_broker(text: object) -> None:
    """Whatever is accepted is understood by the client and shows no password."""
    assert isinstance(text, str)
    shown = []
    try:
        broker = read_broker(text)
        shown.append(f"{broker} {broker!r}")
    except SeaformerEdgeError as error:
        shown.append(str(error))
        raise
    finally:
        assert not any(SECRET in text for text in shown), shown
    _prepare(broker, "porch")


def _prepare(broker: Broker, camera: str) -> None:
    """Makes a publisher that does not connect, and messages for it."""
    with mock.patch.object(MqttPublisher, "_run"):
        mqtt = MqttPublisher(broker, camera, [])
    for name in ("status", "event"):
        mqtt._client.publish(f"{mqtt._topic}/{name}", "")


_NAMES = st.text(st.characters(), min_size=1, max_size=40)


def _discover(names: object) -> None:
    """Topics that may be published to, one for each entity, and JSON that is read as written."""
    zone, other, camera, class_name = names  # type: ignore[misc]
    rules = (Rule(class_name, above=0.5), Rule(class_name, below=0.1))
    zones = [Zone(name, ((0, 0), (1, 0), (0, 1)), rules) for name in {zone, other}]
    messages = discovery_messages("a", camera, zones, list({class_name, "road"}))
    assert len({message["unique_id"] for message in messages.values()}) == len(messages)
    assert len(messages) == 3 + len(zones) * (len({class_name, "road"}) + 2)
    for topic, message in messages.items():
        assert re.fullmatch(r"homeassistant/[\w/-]{1,400}", topic, re.ASCII), topic
        assert json.loads(json.dumps(message)) == message


# What a broker sends after the connection: it lies about lengths, codes and topics.
_REPLIES = {
    "accepted": bytes.fromhex("20020000 90030001 00")
    + b"\x30\x1c\x00\x14homeassistant/statusonline",
    "refused": bytes.fromhex("20020005"),
    "version 5": bytes.fromhex("2003000000 9004000100 00 d000"),
    "published": bytes.fromhex("20020000 3206 0001 61 0001 78 4002 0001 6202 0001 7002 0001"),
    "closed": bytes.fromhex("20020000 e000"),
    "longest": bytes.fromhex("20020000 30ffffff7f") + b"\x00\x02ab" + bytes(400),
}


class _Broker:
    """Accepts one connection at a time, sends `reply`, and closes."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.reply = b""
        self.answered = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            connection, _ = self._server.accept()
            with connection, suppress(OSError):
                connection.settimeout(PATIENCE_S)
                connection.recv(65536)
                connection.sendall(self.reply)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            self.answered.set()


_broker = cache(_Broker)


def _connect(named: object) -> None:
    """The publisher goes on whatever the broker says, and ends at once when it is asked to."""
    broker = _broker()
    broker.reply = named[1]  # type: ignore[index]
    broker.answered.clear()
    log = logging.getLogger(publisher.__name__)
    with (
        mock.patch.object(log, "warning"),
        mock.patch.object(publisher, "RECONNECT_S", (0.02, 0.02)),
    ):
        mqtt = MqttPublisher(Broker("127.0.0.1", broker.port), "porch", _ONE_ZONE)
        assert broker.answered.wait(PATIENCE_S)
        mqtt.describe(_ONE_ZONE, CARD.classes)
        mqtt.publish_event(Event("a", _ONE_ZONE[0].rules[0], True, 0.5, 0.0), {})
        mqtt.publish_state({})
        begun_s = monotonic()
        mqtt.close()
    assert not mqtt._thread.is_alive()
    assert monotonic() - begun_s < PATIENCE_S


_ONE_ZONE = [Zone("a", ((0, 0), (1, 0), (0, 1)), (Rule("red", above=0.5),))]

LIVE_TARGETS = {
    "page requests": Target(_requests, _ask, "aiohttp"),
    "page changes": Target(lambda: odd_json(CHANGE), _apply, "aiohttp"),
    "zone files": Target(_zone_files, _use_zones),
    "brokers": Target(lambda: _BROKERS | ODD.map(str), _use_broker, "paho"),
    "broker replies": Target(lambda: damaged(_REPLIES), _connect, "paho"),
    "mqtt discovery": Target(lambda: st.tuples(_NAMES, _NAMES, _NAMES, _NAMES), _discover),
}
