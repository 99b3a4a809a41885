"""What glibc's malloc keeps of the memory that a live run no longer needs, and how to have it back.

glibc gives threads heaps ("arenas") of their own, up to eight for each core. Free memory at the end
of a heap stays with the process, up to twice the largest block that was ever freed: tens of
megabytes once a model was changed, in each heap, and but for the first one `malloc_trim` does not
take it back. A live run changes models, sizes and recordings, and over hours the threads of each
heap meet their largest moment.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_M_ARENA_MAX = -8  # of glibc's malloc.h


def limit_malloc_arenas() -> None:
    """Has every thread of this process allocate from the same heap.

    A live run's allocations are few and large, so that sharing costs no time. It is for whoever
    owns the process, before there are threads; those that have a heap already keep it. Without
    glibc it does nothing.
    """
    _call_glibc("mallopt", _M_ARENA_MAX, 1)


def trim_heap() -> None:
    """Returns free memory, also from between what is used, to the system; takes a millisecond.

    For when something large has gone: the next frames take what they need again. Without glibc it
    does nothing.
    """
    _call_glibc("malloc_trim", 0)


def _call_glibc(name: str, *arguments: int) -> None:
    function = getattr(_libc(), name, None)  # musl has neither
    if function is not None:
        function(*arguments)


@cache
def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if sys.platform == "linux" else None
