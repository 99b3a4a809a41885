"""The message over the picture: which one of several is shown, and for how long."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from seaformer_edge.live import LiveStatus
from seaformer_edge.live.stats import SourceState

ANNOUNCEMENT_S = 6.0
LOST, SLOW = "source lost", "source slow"


@dataclass(frozen=True, slots=True)
class Message:
    """One line for the user.

    Attributes:
        text: what, where, what to do.
        is_error: an error or a warning; else information.
        problem: what it is about, the same while the text changes, as with a countdown.
        file: that it is about, if its folder is worth opening.
    """

    text: str
    is_error: bool
    problem: str = field(default="", compare=False)
    file: Path | None = None


class Messages:
    """Chooses the message from the run's status and from announcements."""

    def __init__(self) -> None:
        self._announced: Message | None = None
        self._announced_until_s = 0.0
        self._dismissed: set[str] = set()

    def announce(self, text: str, *, is_error: bool = False, file: Path | None = None) -> None:
        """Shows a message for a few seconds, with a file that it is about."""
        self._announced = Message(text, is_error, file=file)
        self._announced_until_s = monotonic() + ANNOUNCEMENT_S

    def dismiss(self, message: Message) -> None:
        """Hides the message until its problem occurs anew."""
        self._dismissed.add(message.problem)
        self._announced = None

    def source_changed(self) -> None:
        """Another source may have the problems of the last one."""
        self._dismissed -= {LOST, SLOW}

    def model_changed(self) -> None:
        """Another model may have the problems of the last one."""
        self._dismissed &= {LOST, SLOW}

    def current(self, status: LiveStatus) -> Message | None:
        """The most important message now; None if there is nothing to report."""
        errors = []
        if problem := _problem_of_source(status):
            errors.append(Message(status.message, is_error=True, problem=problem))
        if status.source_state is SourceState.RUNNING:
            self._dismissed.discard(LOST)  # the next loss is another one
        errors += [Message(text, is_error=True, problem=text) for text in status.warnings]
        if status.notice:
            errors.append(Message(status.notice, is_error=True, problem=status.notice))
        for error in errors:
            if error.problem not in self._dismissed:
                return error
        if self._announced is not None and monotonic() < self._announced_until_s:
            return self._announced
        if status.loading and status.model is None:
            return Message("Loading the model", is_error=False)
        if status.paused:
            return Message("Paused", is_error=False)
        return None


def _problem_of_source(status: LiveStatus) -> str:
    """Whether the source stalls or is slow; a slow one is running, and only its message differs.

    A source that is not open has no message here: `NoSignal` says why.
    """
    if status.source_state is SourceState.RUNNING:
        return "" if ": running" in status.message else SLOW
    return LOST if status.source_state is SourceState.STALLED else ""


def has_signal(status: LiveStatus) -> bool:
    """Whether the source is open: a stalled one may go on."""
    closed = (SourceState.CONNECTING, SourceState.RECONNECTING, SourceState.FAILED)
    return status.source_state not in closed
