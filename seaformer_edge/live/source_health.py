"""The state of a source, judged by when its frames arrive.

Equal pictures are no fault: H.264 sends a still scene as exactly the same picture for a whole group
of pictures and longer. They are only mentioned.

No threads and no clock: the caller passes all times, in seconds on one monotonic clock.
"""

from __future__ import annotations

from fractions import Fraction

from seaformer_edge.live.stats import SourceState
from seaformer_edge.percentiles import Rate

STALLED_AFTER_S = 1.5
SETTLED_AFTER_S = 1.5  # from then on, the frame rate is judged
UNCHANGED_AFTER_S = 10.0  # from then on, equal pictures are mentioned
# H.264 is shown from its next key frame on, which may be ten seconds and more away.
CONNECT_TIMEOUT_S = 25.0
# A stalled source is reopened after this time, which doubles with each failure.
REOPEN_AFTER_S = 4.0
MAX_REOPEN_AFTER_S = 64.0
# A lost source is reopened after this time, which doubles with each failure.
RETRY_DELAY_S = 0.5
MAX_RETRY_DELAY_S = 8.0
# After running this long, a source's earlier failures no longer count.
RECOVERED_AFTER_S = 10.0
SLOW_SHARE = 0.5  # of the nominal frame rate


class SourceHealth:
    """Follows one source, also when it is reopened.

    Args:
        name: what to call the source until it has reported its own name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._phase = SourceState.CONNECTING
        self._reason = ""
        self._phase_since_s = 0.0
        self._last_frame_at_s: float | None = None
        self._digest: int | None = None
        self._unchanged_since_s = 0.0  # since when all frames have had the same digest
        self._failures = 0  # in a row
        self._retry_at_s = 0.0
        self._rate = Rate()
        self._nominal_rate: Fraction | None = None

    def connecting(self, now_s: float) -> None:
        """The source is about to be opened or reopened."""
        reopened = self._phase is not SourceState.CONNECTING
        self._enter(SourceState.RECONNECTING if reopened else SourceState.CONNECTING, now_s)
        self._last_frame_at_s = None

    def frame_arrived(
        self, now_s: float, digest: int | None = None, nominal_rate: Fraction | None = None
    ) -> None:
        """A frame has arrived.

        Args:
            digest: of its pixels; None for a file, which may pause.
            nominal_rate: frames per second that the source reports, if it does.
        """
        if self._phase is not SourceState.RUNNING:
            self._enter(SourceState.RUNNING, now_s)
            self._rate = Rate()
            self._digest = None
        if digest is None or digest != self._digest:
            self._unchanged_since_s = now_s
        if now_s - self._phase_since_s > RECOVERED_AFTER_S:
            self._failures = 0
        self._digest = digest
        self._last_frame_at_s = now_s
        self._nominal_rate = nominal_rate
        self._rate.add(now_s)

    def lost(self, now_s: float, reason: str) -> None:
        """The source failed or was closed as stalled, and is to be reopened at `retry_at_s`."""
        delay_s = min(RETRY_DELAY_S * 2**self._failures, MAX_RETRY_DELAY_S)
        self._failures += 1
        self._retry_at_s = now_s + delay_s
        self._reason = reason
        self._enter(SourceState.RECONNECTING, now_s)

    def ended(self, now_s: float) -> None:
        """A file has ended."""
        self._enter(SourceState.ENDED, now_s)

    def failed(self, now_s: float, reason: str) -> None:
        """The source cannot be opened, and will not be tried again."""
        self._reason = reason
        self._enter(SourceState.FAILED, now_s)

    @property
    def retry_at_s(self) -> float:
        """When to reopen a source that is `lost`."""
        return self._retry_at_s

    def overdue(self, now_s: float) -> str | None:
        """Why the source should be closed and reopened; None if it should not."""
        reopen_after_s = min(REOPEN_AFTER_S * 2**self._failures, MAX_REOPEN_AFTER_S)
        state = self.state(now_s)
        if state in (SourceState.CONNECTING, SourceState.RECONNECTING):
            late = now_s - self._phase_since_s > CONNECT_TIMEOUT_S
            return f"{self.name}: no answer" if late else None
        if state is SourceState.STALLED and now_s - (self._last_frame_at_s or 0.0) > reopen_after_s:
            return f"{self.name}: frames have stopped arriving"
        return None

    def state(self, now_s: float) -> SourceState:
        """The state now."""
        if self._phase is not SourceState.RUNNING or self._last_frame_at_s is None:
            return self._phase
        if self._digest is not None and now_s - self._last_frame_at_s > STALLED_AFTER_S:
            return SourceState.STALLED
        return SourceState.RUNNING

    def message(self, now_s: float) -> str:
        """The state as a sentence, with what to do about it if there is something."""
        state = self.state(now_s)
        match state:
            case SourceState.RUNNING:
                return self._running_message(now_s)
            case SourceState.STALLED:
                silent_s = now_s - (self._last_frame_at_s or now_s)
                return f"{self.name}: no frame for {silent_s:.0f} s; check the cable or network"
            case SourceState.RECONNECTING:
                left_s = max(self._retry_at_s - now_s, 0.0)
                retry = f"retry in {left_s:.0f} s" if left_s >= 0.5 else "reconnecting"
                return f"{self._reason}; {retry}"
            case SourceState.FAILED:
                return self._reason
            case SourceState.ENDED:
                return f"{self.name}: ended"
            case _:
                return f"{self.name}: connecting"

    def _running_message(self, now_s: float) -> str:
        rate = self._rate.per_s(now_s)
        settled = now_s - self._phase_since_s > SETTLED_AFTER_S
        if self._nominal_rate and settled and 0 < rate < SLOW_SHARE * self._nominal_rate:
            return (
                f"{self.name}: slow, {rate:.1f} of {float(self._nominal_rate):g} frames per second;"
                " more light or a better connection may help"
            )
        unchanged_s = now_s - self._unchanged_since_s
        if self._digest is not None and unchanged_s > UNCHANGED_AFTER_S:
            return f"{self.name}: running; the picture has not changed for {unchanged_s:.0f} s"
        return f"{self.name}: running"

    def _enter(self, phase: SourceState, now_s: float) -> None:
        if phase is not self._phase or phase is not SourceState.RUNNING:
            self._phase_since_s = now_s
        self._phase = phase
