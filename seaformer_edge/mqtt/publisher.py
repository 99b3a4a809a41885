"""Publishes the state, shares and events of a live run to an MQTT broker."""

from __future__ import annotations

import json
import logging
import math
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from ssl import SSLCertVerificationError
from time import monotonic
from typing import TYPE_CHECKING

from seaformer_edge.errors import SinkError
from seaformer_edge.machine.extras import install_extra
from seaformer_edge.mqtt.broker import Broker
from seaformer_edge.mqtt.discovery import PREFIX, discovery_messages, identifier, rule_topic
from seaformer_edge.zones import Event, Rule, Zone

if TYPE_CHECKING:
    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

KEEPALIVE_S = 30
RECONNECT_S = (1, 60)  # the first delay, and the longest
STATE_INTERVAL_S = 1.0
CLOSE_S = 2.0

log = logging.getLogger(__name__)


class MqttPublisher:
    """A connection to a broker in a thread of its own. It is made again whenever it is lost.

    Topics, below TOPIC/CAMERA:
        status: "online" or, by the broker too, "offline"; retained.
        state: figures of the run as a JSON object, at most one a second.
        zones: the share of each class in each zone, a JSON object of objects, at most one a second.
        event: the begin or end of a rule, a JSON object each.
        zone/I/rule/J: "ON" while the event of rule J of zone I lasts, else "OFF"; retained.

    Messages while there is no connection are dropped; what is retained is sent after the next
    connection. No method waits, but `close` for at most `CLOSE_S`.

    Args:
        broker: where to connect.
        camera: name of the camera.
        zones: in the order of the zone file.

    Raises:
        SinkError: the package paho-mqtt is not installed.
    """

    def __init__(self, broker: Broker, camera: str, zones: Sequence[Zone]) -> None:
        try:
            from paho.mqtt.client import Client as PahoClient
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError as error:
            raise SinkError(f"MQTT needs a further package: {install_extra('mqtt')}") from error
        self._make_client = partial(PahoClient, CallbackAPIVersion.VERSION2)
        self._broker = broker
        self._camera = camera
        self._zones = tuple(zones)
        self._topic = f"{broker.topic}/{identifier(camera)}"
        self._classes: tuple[str, ...] = ()
        self._begun: set[tuple[str, Rule]] = set()  # names of zones, and rules whose event lasts
        self._retained: set[str] = set()  # topics of zones
        self._next_s = {"state": -math.inf, "zones": -math.inf}
        self._failure = ""
        self._closed = threading.Event()
        self._client = self._new_client()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._thread.start()

    def describe(self, zones: Sequence[Zone], classes: Sequence[str]) -> None:
        """Announces zones with the class names of a model, if there are others than before."""
        if (tuple(zones), tuple(classes)) != (self._zones, self._classes):
            self._zones, self._classes = tuple(zones), tuple(classes)
            self._begun &= {(zone.name, rule) for zone in zones for rule in zone.rules}
            self._announce()

    def publish_state(self, figures: Mapping[str, object]) -> None:
        """Publishes the figures of the run, unless the last ones are less than a second old."""
        self._publish_in_turn("state", figures)

    def publish_shares(self, shares: Mapping[str, Mapping[str, float]]) -> None:
        """Publishes shares by zone and class, unless the last ones are less than a second old."""
        self._publish_in_turn("zones", shares)

    def publish_event(self, event: Event, record: Mapping[str, object]) -> None:
        """Publishes the begin or end of a rule.

        Args:
            event: of a zone; of one that is not announced yet, the state is told then.
            record: the event as an object of JSON.
        """
        key = (event.zone, event.rule)
        (self._begun.add if event.begins else self._begun.discard)(key)
        for zone_number, zone in enumerate(self._zones):
            for rule_number, rule in enumerate(zone.rules):
                if (zone.name, rule) == key:
                    topic = rule_topic(self._topic, zone_number, rule_number)
                    self._publish(topic, "ON" if event.begins else "OFF", retain=True)
        self._publish(f"{self._topic}/event", json.dumps(record))

    def close(self) -> None:
        """Says that the camera is offline, and ends the connection."""
        self._closed.set()
        if self._client.is_connected():
            self._client.publish(f"{self._topic}/status", "offline", retain=True)
        self._client.disconnect()
        self._thread.join(CLOSE_S)

    def _publish_in_turn(self, name: str, values: Mapping[str, object]) -> None:
        if monotonic() >= self._next_s[name]:
            self._next_s[name] = monotonic() + STATE_INTERVAL_S
            self._publish(f"{self._topic}/{name}", json.dumps(values))

    def _publish(self, topic: str, payload: str, retain: bool = False) -> None:
        # Without a connection the client would keep every message for the next one.
        if self._client.is_connected():
            self._client.publish(topic, payload, retain=retain)

    def _announce(self) -> None:
        messages = discovery_messages(self._topic, self._camera, self._zones, self._classes)
        payloads = {topic: json.dumps(message) for topic, message in messages.items()}
        for zone_number, zone in enumerate(self._zones):
            for rule_number, rule in enumerate(zone.rules):
                topic = rule_topic(self._topic, zone_number, rule_number)
                payloads[topic] = "ON" if (zone.name, rule) in self._begun else "OFF"
        for topic in self._retained - payloads.keys():
            self._publish(topic, "", retain=True)  # the broker forgets it
        for topic, payload in payloads.items():
            self._publish(topic, payload, retain=True)
        if self._client.is_connected():
            self._retained = set(payloads)
        self._publish(f"{self._topic}/status", "online", retain=True)

    def _new_client(self) -> Client:
        client = self._make_client()
        if self._broker.username is not None:
            client.username_pw_set(self._broker.username, self._broker.password)
        if self._broker.tls:
            client.tls_set()
        client.will_set(f"{self._topic}/status", "offline", retain=True)
        client.reconnect_delay_set(*RECONNECT_S)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.connect_async(self._broker.host, self._broker.port, KEEPALIVE_S)
        return client

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._client.loop_forever(retry_first_connection=True)
            except Exception as error:  # a broker that does not keep to the protocol
                log.debug("MQTT", exc_info=True)
                self._fail(f"does not speak MQTT ({error!r})")
            if not self._closed.wait(RECONNECT_S[0]):
                self._client = self._new_client()

    def _fail(self, reason: str) -> None:
        """Logs a failure, once for several of the same in a row."""
        if reason != self._failure and not self._closed.is_set():
            log.warning("%s: %s; trying again", self._broker, reason)
        self._failure = reason

    def _end_if_closed(self, client: Client) -> bool:
        """Ends a client anew: while it connects, paho-mqtt forgets that it was told to end."""
        if self._closed.is_set():
            client.disconnect()
        return self._closed.is_set()

    def _on_connect(
        self,
        client: Client,
        userdata: object,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if self._end_if_closed(client):
            return
        if reason.is_failure:
            self._fail(f"refused the connection ({reason})")
            return
        if self._failure:
            log.warning("%s: connected again", self._broker)
        self._failure = ""
        client.subscribe(f"{PREFIX}/status")
        self._announce()

    def _on_connect_fail(self, client: Client, userdata: object) -> None:
        if self._end_if_closed(client):
            return
        error = sys.exception()  # paho-mqtt calls this while it handles one
        if isinstance(error, SSLCertVerificationError):
            self._fail(
                f"its certificate is not accepted ({error.verify_message}); if it is signed by a CA"
                " of your own, name the CA's file in the variable SSL_CERT_FILE"
            )
        else:
            self._fail(f"cannot be reached ({getattr(error, 'strerror', None) or error})")

    def _on_disconnect(
        self,
        client: Client,
        userdata: object,
        flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if not self._end_if_closed(client) and reason.is_failure and not self._failure:
            self._fail(f"connection lost ({reason})")

    def _on_message(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        if message.payload == b"online":  # Home Assistant has started anew
            self._announce()
