"""Watches zones during a live run: the shares of the classes, and the events of the rules."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.card import Card
from seaformer_edge.live.result import LiveResult
from seaformer_edge.zones import Event, RuleWatch, Zone, ZoneShares

INTERVAL_S = 0.1
MAX_EVENTS = 20

log = logging.getLogger(__name__)

Shares = Mapping[str, Mapping[str, float]]
"""By the name of the zone and of the class, 0 to 1."""

EventRecord = dict[str, object]
"""An event as an object of JSON."""


class ZoneWatch:
    """A thread that looks at the newest result ten times a second.

    Rules on classes that the model lacks are reported and have no events until another model is
    chosen.

    Args:
        newest: `LivePipeline.newest`.
        zones: unique names.
        on_event: called in this thread with the event and its `event_record`; must not wait.

    Attributes:
        zones: replaced by `set_zones`.
        shares: of the last result with a segmentation; replaced, never changed.
        classes: of the model that made it.
        events: the records of the newest events, the newest first.
        changes: how often the zones were replaced.
    """

    def __init__(
        self,
        newest: Callable[[], LiveResult | None],
        zones: Sequence[Zone],
        on_event: Callable[[Event, EventRecord], None],
    ) -> None:
        self.zones = tuple(zones)
        self.shares: Shares = {}
        self.classes: tuple[str, ...] = ()
        self.events: tuple[EventRecord, ...] = ()
        self.changes = 0
        self._newest = newest
        self._on_event = on_event
        self._count = ZoneShares(zones)
        self._card: Card | None = None
        self._rules: RuleWatch | None = None
        self._last: LiveResult | None = None
        self._changing = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="zones", daemon=True)

    def update(self) -> None:
        """Counts the newest result, unless that is done already."""
        with self._changing:
            self._update()

    def set_zones(self, zones: Sequence[Zone]) -> None:
        """Watches other zones from now on; events of those that stay go on."""
        with self._changing:
            self.zones = tuple(zones)
            self._count = ZoneShares(zones)
            self._last = None
            self.changes += 1
            if self._card is not None:
                self._set_rules(self._card)

    def _update(self) -> None:
        result = self._newest()
        if result is None or result is self._last or not result.current:
            return
        self._last = result
        if result.segmentation is None or result.card is None:
            return
        if result.card is not self._card:
            self._set_card(result.card)
        shares = self._count(result.segmentation.label_map)
        # Class 255 counts what has no class.
        self.shares = {
            zone.name: dict(zip(self.classes, row.round(4).tolist(), strict=False))
            for zone, row in zip(self.zones, shares, strict=True)
        }
        if self._rules is not None:
            for event in self._rules.update(shares, result.captured_at_s):
                record = event_record(event)
                self.events = (record, *self.events)[:MAX_EVENTS]
                self._on_event(event, record)

    def _set_card(self, card: Card) -> None:
        if card.classes != self.classes:
            self._rules = None
        self._card = card
        self.classes = card.classes
        self._set_rules(card)

    def _set_rules(self, card: Card) -> None:
        try:
            self._rules = RuleWatch(self.zones, card.classes, self._rules)
        except ModelError as error:
            self._rules = None
            log.error("%s: %s", card.name, error)

    def largest_shares(self) -> Shares:
        """The shares that are not zero, the largest first."""
        return {
            zone: dict(
                sorted(filter(itemgetter(1), shares.items()), key=itemgetter(1), reverse=True)
            )
            for zone, shares in self.shares.items()
        }

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL_S):
            self.update()


def event_record(event: Event) -> EventRecord:
    """The record of an event, with the time of now."""
    limit = "above" if event.rule.above is not None else "below"
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "event": "begin" if event.begins else "end",
        "zone": event.zone,
        "class": event.rule.class_name,
        limit: getattr(event.rule, limit),
        "share": round(event.share, 4),
    }
