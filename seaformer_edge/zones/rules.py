"""Events: rules on the shares of classes in zones, watched over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import ModelError, suggestion
from seaformer_edge.zones.zone_file import Rule, Zone


@dataclass(frozen=True)
class Event:
    """The begin or end of what a rule describes.

    Attributes:
        zone: name of the zone.
        rule: the rule whose event it is.
        begins: false: the event ends.
        share: of the class in the zone at this moment, 0 to 1.
        at_s: time of the frame that decided it, as given to `RuleWatch.update`.
    """

    zone: str
    rule: Rule
    begins: bool
    share: float
    at_s: float


class RuleWatch:
    """Watches the rules of zones, with the class ids of one model.

    Args:
        zones: of the shares that `update` gets, in this order.
        classes: the model's class names.
        earlier: with the same classes; events of the zones that are still there go on.

    Raises:
        ModelError: the model has no class of a rule's name.
    """

    def __init__(
        self, zones: Sequence[Zone], classes: Sequence[str], earlier: RuleWatch | None = None
    ) -> None:
        states = () if earlier is None else earlier._states
        known = {(zone, state.rule): state for _, zone, state in states}
        self._states: list[tuple[int, Zone, _RuleState]] = []
        for index, zone in enumerate(zones):
            for rule in zone.rules:
                if rule.class_name not in classes:
                    raise ModelError(
                        f"zone {zone.name!r}: the model has no class {rule.class_name!r};"
                        f" {suggestion(rule.class_name, classes)}"
                    )
                state = known.get((zone, rule)) or _RuleState(rule, classes.index(rule.class_name))
                self._states.append((index, zone, state))

    def update(self, shares: NDArray[np.float64], at_s: float) -> list[Event]:
        """The events of a frame.

        Args:
            shares: (zones, 256), as from `ZoneShares`.
            at_s: time of the frame in seconds; it does not decrease.
        """
        events = []
        for index, zone, state in self._states:
            share = float(shares[index, state.class_id])
            if state.changes(share, at_s):
                events.append(Event(zone.name, state.rule, state.active, share, at_s))
        return events

    @property
    def active(self) -> list[tuple[str, Rule]]:
        """The zones and rules whose event has begun and not ended."""
        return [(zone.name, state.rule) for _, zone, state in self._states if state.active]


class _RuleState:
    """Whether a rule's event is active, and since when its share asks for the contrary."""

    def __init__(self, rule: Rule, class_id: int) -> None:
        self.rule = rule
        self.class_id = class_id
        self.active = False
        self._contrary_since_s: float | None = None

    def changes(self, share: float, at_s: float) -> bool:
        """Takes the next share; true if `active` changed."""
        if not self._is_contrary(share):
            self._contrary_since_s = None
            return False
        if self._contrary_since_s is None:
            self._contrary_since_s = at_s
        if at_s - self._contrary_since_s < self.rule.seconds:
            return False
        self.active = not self.active
        self._contrary_since_s = None
        return True

    def _is_contrary(self, share: float) -> bool:
        rule = self.rule
        if rule.above is not None:
            return share <= rule.above - rule.hysteresis if self.active else share > rule.above
        assert rule.below is not None
        return share >= rule.below + rule.hysteresis if self.active else share < rule.below
