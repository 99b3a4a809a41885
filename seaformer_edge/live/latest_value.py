"""The connection between two threads of a live run: it holds the newest item and is no queue."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class LatestValue(Generic[T]):
    """Holds one item; a newer item replaces it.

    The lock of `_changed` guards every field.
    """

    def __init__(self) -> None:
        self._item: T | None = None
        self._woken = False
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: T) -> bool:
        """Stores an item without waiting; True if it replaced one that was not taken."""
        with self._changed:
            overwritten = self._item is not None
            if not self._closed:
                self._item = item
                self._changed.notify_all()
            return overwritten

    def offer(self, item: T) -> bool:
        """Stores an item if there is none; whether it has."""
        with self._changed:
            if self._item is not None or self._closed:
                return False
            self._item = item
            self._changed.notify_all()
            return True

    def take(self) -> T | None:
        """Waits for an item and removes it; None once after `wake`, and always after `close`."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._woken or self._closed)
            if self._woken or self._closed:
                self._woken = False
                return None
            item, self._item = self._item, None
            return item

    def wake(self) -> None:
        """Makes the current `take`, or the next one, return None."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def close(self) -> None:
        """Drops the item and accepts no more."""
        with self._changed:
            self._closed = True
            self._item = None
            self._changed.notify_all()
