"""Limits the freed memory that glibc's malloc keeps.

glibc gives each thread a heap ("arena"), up to eight per core. At the end of each heap it keeps
freed memory, up to twice the largest block ever freed there: tens of megabytes after a model was
switched. Of these ends, `malloc_trim` returns only that of the first heap. In a live run, models,
sizes and recordings change, so that over hours every heap reaches its maximum.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from functools import cache

_M_ARENA_MAX = -8  # of glibc's malloc.h


def limit_malloc_arenas() -> None:
    """Makes all threads of this process share one heap.

    A live run makes few and large allocations, so sharing costs no time. Call it at the start of
    the process: threads that already have a heap keep it. Does nothing without glibc.
    """
    _call_glibc("mallopt", _M_ARENA_MAX, 1)


def trim_heap() -> None:
    """Returns free memory to the system, also from between used blocks; takes about 1 ms.

    Call it after something large was freed. Does nothing without glibc.
    """
    _call_glibc("malloc_trim", 0)


def _call_glibc(name: str, *arguments: int) -> None:
    function = getattr(_libc(), name, None)  # musl has none of them
    if function is not None:
        function(*arguments)


@cache
def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if sys.platform == "linux" else None


def can_reserve(size: int) -> bool:
    """Whether the system still grants this process `size` bytes of address space."""
    try:
        mmap.mmap(-1, size).close()
    except OSError:
        return False
    return True
