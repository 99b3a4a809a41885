"""What ends a training before its last step: a signal, lack of memory, a killed process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Stopping = Callable[[], AbstractContextManager[threading.Event]]
"""Makes a context in which signals set an event."""


@contextmanager
def never() -> Iterator[threading.Event]:
    """An event that nothing sets."""
    yield threading.Event()


def ignore_interrupts(worker: int) -> None:
    """Of a worker of a DataLoader: Ctrl-C reaches it too, but the training process ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def reason_of(error: Exception) -> str | None:
    """What to say of an error of PyTorch or NumPy; None: it is a defect."""
    text = str(error)
    if "DataLoader worker" in text:
        return (
            "a process that reads pictures was killed, perhaps for lack of memory: repeat the"
            " command to go on, with fewer --workers"
        )
    if isinstance(error, MemoryError) or "memory" in text:
        return "not enough memory: a smaller batch_size or crop in the recipe needs less"
    return None
