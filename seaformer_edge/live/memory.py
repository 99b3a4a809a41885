"""What glibc's malloc keeps of the memory that a live run has given back."""

from __future__ import annotations

import ctypes
import sys

_M_ARENA_MAX = -8  # of glibc's malloc.h


def use_one_arena() -> None:
    """Has every thread of this process allocate from the same heap.

    glibc gives threads heaps of their own, up to eight for each core, and leaves free memory at the
    end of each: up to twice the largest block that was ever freed, so tens of megabytes once a
    model was changed. `malloc_trim` does not take that back. A live run's threads change sizes,
    models and recordings, and over hours each heap meets its largest moment. Their allocations are
    few and large: one heap costs them no time.

    It is for whoever owns the process and lives long, before the run begins; threads that have a
    heap already keep it. Without glibc it does nothing.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, 1)
