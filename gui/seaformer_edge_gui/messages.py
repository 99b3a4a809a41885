"""The message over the picture: which one of several is shown, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

from seaformer_edge.live import LiveStatus
from seaformer_edge.live.stats import SourceState

ANNOUNCEMENT_S = 6.0


@dataclass(frozen=True, slots=True)
class Message:
    """One line for the user.

    Attributes:
        text: what, where, what to do.
        is_error: an error or a warning; else information.
    """

    text: str
    is_error: bool


class Messages:
    """Chooses the message from the run's status and from announcements."""

    def __init__(self) -> None:
        self._announced: Message | None = None
        self._announced_until_s = 0.0
        self._dismissed = ""

    def announce(self, text: str, *, is_error: bool = False) -> None:
        """Shows a message for a few seconds."""
        self._announced = Message(text, is_error)
        self._announced_until_s = monotonic() + ANNOUNCEMENT_S

    def dismiss(self, message: Message) -> None:
        """Hides the message until another one appears."""
        self._dismissed, self._announced = message.text, None

    def forget_dismissed(self) -> None:
        """Lets the dismissed message appear again, as after a new source or model."""
        self._dismissed = ""

    def current(self, status: LiveStatus) -> Message | None:
        """The most important message now; None if there is nothing to report."""
        errors = [status.message] if _source_has_problem(status) else []
        if status.notice:
            errors.append(status.notice)
        for text in errors:
            if text != self._dismissed:
                return Message(text, is_error=True)
        if self._announced is not None and monotonic() < self._announced_until_s:
            return self._announced
        if status.source_state is SourceState.CONNECTING:
            return Message(status.message, is_error=False)
        if status.loading and status.model is None:
            return Message("Loading the model", is_error=False)
        if status.paused:
            return Message("Paused", is_error=False)
        return None


def _source_has_problem(status: LiveStatus) -> bool:
    """Whether the source fails or is slow; a slow one is running, and only its message differs."""
    if status.source_state is SourceState.RUNNING:
        return not status.message.endswith(": running")
    return status.source_state not in (SourceState.CONNECTING, SourceState.ENDED)
