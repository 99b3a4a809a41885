"""Where the events of a live run go: lines to print, a command, an MQTT broker."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator, Mapping, Sequence
from typing import Self

from seaformer_edge.live.zone_watch import EventRecord, ZoneWatch
from seaformer_edge.mqtt import Broker, MqttPublisher
from seaformer_edge.zones import Event, EventCommand, Zone


class EventOutputs:
    """Takes events from the thread of a `ZoneWatch`; the methods but `put` are for one thread.

    Args:
        camera: its name for the broker.
        zones: whose events come.
        command: run for each event; see `EventCommand`.
        broker: gets events, shares and figures.

    Raises:
        SinkError: the command is no command, or the package for MQTT is not installed.
    """

    def __init__(
        self, camera: str, zones: Sequence[Zone], command: str | None, broker: Broker | None
    ) -> None:
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._command = None if command is None else EventCommand(command)
        self._mqtt = None if broker is None else MqttPublisher(broker, camera, zones)

    def put(self, event: Event, record: EventRecord) -> None:
        """Hands an event to all outputs; does not wait."""
        line = json.dumps(record, ensure_ascii=False)
        self._lines.put(line)
        if self._command is not None:
            self._command.put(line)
        if self._mqtt is not None:
            self._mqtt.publish_event(event, record)

    def update(self, record: Mapping[str, object], watch: ZoneWatch) -> None:
        """Publishes the state of the run; call it about once a second.

        Args:
            record: the figures, as from `report.record_of`.
            watch: its zones, and shares with the classes of a model.
        """
        if self._mqtt is not None:
            self._mqtt.describe(watch.zones, watch.classes)
            self._mqtt.publish_state(record)
            self._mqtt.publish_shares(watch.shares)

    def lines(self) -> Iterator[str]:
        """The events since the last call, an object of JSON each."""
        while not self._lines.empty():
            yield self._lines.get()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._command is not None:
            self._command.close()
        if self._mqtt is not None:
            self._mqtt.close()
