"""The one place between two threads of a live run: it holds the newest item, never a queue."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class LatestValue(Generic[T]):
    """Holds one item; a newer one takes its place.

    One lock, that of `_changed`, guards every field.
    """

    def __init__(self) -> None:
        self._item: T | None = None
        self._woken = False
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: T) -> bool:
        """Never waits; True says that an item nobody had taken was overwritten."""
        with self._changed:
            overwritten = self._item is not None
            if not self._closed:
                self._item = item
                self._changed.notify_all()
            return overwritten

    def take(self) -> T | None:
        """Waits for an item and takes it; None after `wake`, and for ever after `close`."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._woken or self._closed)
            if self._woken or self._closed:
                self._woken = False
                return None
            item, self._item = self._item, None
            return item

    def wake(self) -> None:
        """Makes the taker look around: its `take`, or its next one, gives None once."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def close(self) -> None:
        """Lets go of the item and takes no more."""
        with self._changed:
            self._closed = True
            self._item = None
            self._changed.notify_all()
