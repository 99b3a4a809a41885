"""Frames in memory that a child process writes and its parent reads, without a copy between them.

The memory is an anonymous file, whose descriptor the child inherits: there is no name that could
stay behind in /dev/shm. It holds one byte for each slot, 1 while the slot is in use, and then the
slots. The child sets the byte before it sends the slot's number through its pipe; the parent clears
it when no array uses the slot any more. If all slots are in use, the child sends the frame itself.
"""

from __future__ import annotations

import importlib
import math
import mmap
import os
import secrets
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

SLOTS = 8
"""More than the threads of a live run hold. Memory that was never written to is not used."""

_ALIGNMENT = 1 << 16  # a multiple of every page size
_HEADER_BYTES = _ALIGNMENT
IS_SUPPORTED = os.name == "posix"
"""Whether children inherit descriptors, and so `FrameRing` can be made."""


class FrameRing:
    """The parent's side: makes the memory.

    Attributes:
        fd: to be inherited by the child, for `FrameRingWriter`.

    Raises:
        OSError: the system gives no such memory.
    """

    def __init__(self) -> None:
        self.fd = _anonymous_file()
        self._close_fd = weakref.finalize(self, os.close, self.fd)
        self._map: mmap.mmap | None = None

    def image(self, slot: int, slot_bytes: int, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
        """The picture in a slot, (H, W, 3) uint8.

        The slot is free again once the array and its views are gone.

        Args:
            slot, slot_bytes: as `FrameRingWriter.slot_of` and `slot_bytes` in the child.
        """
        if self._map is None:
            self._map = _map(self.fd, slot_bytes)
        offset = _HEADER_BYTES + slot * slot_bytes
        # Views of an array hold the array that is given the memory: this one.
        flat = np.frombuffer(self._map, np.uint8, math.prod(shape), offset)
        weakref.finalize(flat, _release, self._map, slot).atexit = False
        return flat.reshape(shape)

    def close(self) -> None:
        """Closes the descriptor; arrays of the slots stay valid. May be called twice."""
        self._close_fd()


class FrameRingWriter:
    """The child's side.

    Args:
        fd: of a `FrameRing`; -1 for none: no picture has a slot then.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._map: mmap.mmap | None = None
        self._images: dict[int, NDArray[np.uint8]] = {}  # the last one in each slot
        self.slot_bytes = 0

    def new_image(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """An array to write a picture into, in a free slot if there is one.

        The slot stays free until `slot_of` is called: the next picture may replace this one.
        """
        if self._fd >= 0 and self._map is None:
            self._begin(math.prod(shape))
        if self._map is not None and math.prod(shape) <= self.slot_bytes:
            slot = self._map.find(b"\0", 0, SLOTS)
            if slot >= 0:
                offset = _HEADER_BYTES + slot * self.slot_bytes
                flat = np.frombuffer(self._map, np.uint8, math.prod(shape), offset)
                self._images[slot] = flat.reshape(shape)
                return self._images[slot]
        return np.empty(shape, np.uint8)

    def slot_of(self, image: NDArray[np.uint8]) -> int | None:
        """The slot with this picture, which is in use from now on; None if there is none free.

        A picture that is elsewhere is copied.
        """
        slot = next((slot for slot, written in self._images.items() if written is image), None)
        if slot is None:
            copy = self.new_image(image.shape)
            slot = next((s for s, written in self._images.items() if written is copy), None)
            if slot is None:
                return None
            copy[:] = image
        assert self._map is not None
        self._map[slot] = 1
        return slot

    def _begin(self, image_bytes: int) -> None:
        self.slot_bytes = -(-image_bytes // _ALIGNMENT) * _ALIGNMENT
        try:
            os.ftruncate(self._fd, _HEADER_BYTES + SLOTS * self.slot_bytes)
            self._map = _map(self._fd, self.slot_bytes)
        except (OSError, ValueError):  # a limit of this process; frames go through the pipe
            self._fd = -1


def _map(fd: int, slot_bytes: int) -> mmap.mmap:
    return mmap.mmap(fd, _HEADER_BYTES + SLOTS * slot_bytes)


def _release(memory: mmap.mmap, slot: int) -> None:
    memory[slot] = 0


def _anonymous_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("frames", os.MFD_CLOEXEC)
    # What `multiprocessing.shared_memory` uses, without its tracker process.
    shm: Any = importlib.import_module("_posixshmem")
    name = f"/frames-{secrets.token_hex(8)}"
    fd: int = shm.shm_open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode=0o600)
    shm.shm_unlink(name)
    return fd
