"""The processor of this process: its cores and whether it computes in half precision."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

MAX_THREADS = 256
"""More than the cores of any machine that this package is meant for."""

AUXILIARY_VECTOR = Path("/proc/self/auxv")
AT_HWCAP = 16
HWCAP_ASIMDHP = 1 << 10


def usable_cores() -> int:
    """The number of processor cores that this process may run on."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def computes_in_fp16() -> bool:
    """Whether this is an ARM processor with half-precision vector arithmetic (Armv8.2 FP16).

    On others fp16 programs are not faster: a Cortex-A72 takes the instructions of fp32, and a PC
    takes longer.
    """
    if sys.platform == "darwin":
        return os.uname().machine == "arm64"  # every Apple processor since the M1 has it
    if sys.platform != "linux" or os.uname().machine != "aarch64":
        return False
    return bool(_hardware_capabilities() & HWCAP_ASIMDHP)


def _hardware_capabilities() -> int:
    """The AT_HWCAP bits that Linux gives to every process; 0 if they cannot be read.

    /proc/cpuinfo lists them, too, but in an emulator it describes the host.
    """
    try:
        vector = AUXILIARY_VECTOR.read_bytes()
    except OSError:
        return 0
    return int(dict(struct.iter_unpack("@LL", vector)).get(AT_HWCAP, 0))
