"""Ctrl-C, SIGTERM and SIGHUP end a command in the same way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType

SAME_REQUEST_S = 0.5

Handler = Callable[[int, FrameType | None], None]


def ending_signals() -> list[signal.Signals]:
    """The signals that ask this process to end; without SIGHUP if it runs under nohup."""
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signals.append(signal.SIGHUP)
    return signals


@contextmanager
def ending_signals_call(handler: Handler) -> Iterator[None]:
    """Calls `handler` on each of these signals. Without effect outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = {number: signal.signal(number, handler) for number in ending_signals()}
    try:
        yield
    finally:
        for number, was in earlier.items():
            signal.signal(number, was)


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that the first of the signals sets, so that the current frame and file can be
    finished; another one raises KeyboardInterrupt, unless it comes at once: `timeout` sends two."""
    stop = threading.Event()
    asked_at_s = 0.0

    def ask(signal_number: int, frame: FrameType | None) -> None:
        nonlocal asked_at_s
        if not stop.is_set():
            asked_at_s = monotonic()
            stop.set()
        elif monotonic() - asked_at_s > SAME_REQUEST_S:
            raise KeyboardInterrupt

    with ending_signals_call(ask):
        yield stop
