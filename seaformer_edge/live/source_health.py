"""Whether a source is well, from when its frames came and what they looked like.

Logic alone: no threads, no clock. All times are seconds on one clock that never falls.
"""

from __future__ import annotations

from fractions import Fraction

from seaformer_edge.live.stats import SourceState
from seaformer_edge.percentiles import Rate

STALLED_AFTER_S = 1.5
FROZEN_AFTER_S = 1.5
# A frozen or stalled source is opened again after this long, then after twice as long, ...
PATIENCE_S = 4.0
CONNECT_PATIENCE_S = 12.0
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 8.0
LONGEST_PATIENCE_S = 64.0
# Having run so long without trouble, a source has its patience and delay restored.
WELL_AFTER_S = 10.0
SLOW_SHARE = 0.5


class SourceHealth:
    """Follows one source through all its openings.

    Args:
        name: what to call the source before it has told its own name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._phase = SourceState.CONNECTING
        self._reason = ""
        self._since_s = 0.0  # of the phase
        self._frame_s: float | None = None  # the last frame
        self._digest: int | None = None
        self._same_since_s = 0.0  # since when frames have looked like the last one
        self._troubles = 0  # openings in a row that did not go well
        self._retry_at_s = 0.0
        self._rate = Rate()
        self._promised: Fraction | None = None

    def opening(self, now_s: float) -> None:
        """The source is about to be opened, or opened again."""
        again = self._phase is not SourceState.CONNECTING
        self._enter(SourceState.RECONNECTING if again else SourceState.CONNECTING, now_s)
        self._frame_s = None

    def frame(
        self, now_s: float, digest: int | None = None, promised: Fraction | None = None
    ) -> None:
        """A frame came.

        Args:
            digest: of its pixels; None for a file, whose pauses and stills mean nothing.
            promised: frames per second that the source says it gives, if it does.
        """
        if self._phase is not SourceState.RUNNING:
            self._enter(SourceState.RUNNING, now_s)
            self._rate = Rate()
        if digest is None or digest != self._digest:
            self._same_since_s = now_s
            if now_s - self._since_s > WELL_AFTER_S:
                self._troubles = 0
        self._digest = digest
        self._frame_s = now_s
        self._promised = promised
        self._rate.add(now_s)

    def lost(self, now_s: float, reason: str) -> None:
        """The source failed or fell silent, and will be opened again at `retry_at_s`."""
        delay_s = min(FIRST_DELAY_S * 2**self._troubles, LONGEST_DELAY_S)
        self._troubles += 1
        self._retry_at_s = now_s + delay_s
        self._reason = reason
        self._enter(SourceState.RECONNECTING, now_s)

    def ended(self, now_s: float) -> None:
        """A file came to its end."""
        self._enter(SourceState.ENDED, now_s)

    def failed(self, now_s: float, reason: str) -> None:
        """The source cannot be opened, and will not be tried again."""
        self._reason = reason
        self._enter(SourceState.FAILED, now_s)

    @property
    def retry_at_s(self) -> float:
        """When to open again what was `lost`."""
        return self._retry_at_s

    def overdue(self, now_s: float) -> str | None:
        """Why an opening should be given up and the source opened again; None if it should not."""
        patience_s = min(PATIENCE_S * 2**self._troubles, LONGEST_PATIENCE_S)
        state = self.state(now_s)
        if state in (SourceState.CONNECTING, SourceState.RECONNECTING):
            late = now_s - self._since_s > CONNECT_PATIENCE_S
            return f"{self.name}: no answer" if late else None
        if state is SourceState.STALLED and now_s - (self._frame_s or 0.0) > patience_s:
            return f"{self.name}: no picture comes any more"
        # Opened again and still the same: since when counts from this opening.
        frozen_s = now_s - max(self._same_since_s, self._since_s)
        if state is SourceState.FROZEN and frozen_s > patience_s:
            return f"{self.name}: the picture is frozen"
        return None

    def state(self, now_s: float) -> SourceState:
        """How the source is doing now."""
        if self._phase is not SourceState.RUNNING or self._frame_s is None:
            return self._phase
        if self._digest is not None and now_s - self._frame_s > STALLED_AFTER_S:
            return SourceState.STALLED
        if self._frame_s - self._same_since_s > FROZEN_AFTER_S:
            return SourceState.FROZEN
        return SourceState.RUNNING

    def message(self, now_s: float) -> str:
        """The state in plain words, with what to do where something can be done."""
        state = self.state(now_s)
        match state:
            case SourceState.RUNNING:
                return self._pace(now_s)
            case SourceState.STALLED:
                silent_s = now_s - (self._frame_s or now_s)
                return f"{self.name}: no picture for {silent_s:.0f} s; check the cable or network"
            case SourceState.FROZEN:
                same_s = now_s - self._same_since_s
                return f"{self.name}: the same picture for {same_s:.0f} s; it may have frozen"
            case SourceState.RECONNECTING:
                left_s = max(self._retry_at_s - now_s, 0.0)
                soon = f"again in {left_s:.0f} s" if left_s >= 0.5 else "trying again"
                return f"{self._reason}; {soon}"
            case SourceState.FAILED:
                return self._reason
            case SourceState.ENDED:
                return f"{self.name}: at its end"
            case _:
                return f"{self.name}: connecting"

    def _pace(self, now_s: float) -> str:
        rate = self._rate.per_s(now_s)
        settled = now_s - self._since_s > FROZEN_AFTER_S
        if self._promised and settled and 0 < rate < SLOW_SHARE * self._promised:
            promised = float(self._promised)
            return (
                f"{self.name}: slow, {rate:.1f} of {promised:g} frames a second;"
                " more light, or a better connection, may help"
            )
        return f"{self.name}: running"

    def _enter(self, phase: SourceState, now_s: float) -> None:
        if phase is not self._phase or phase is not SourceState.RUNNING:
            self._since_s = now_s
        self._phase = phase
