"""Running a .pte program: through the package's own binding, or through the official one.

One process uses one of them. Both load ExecuTorch's shared libraries under the same names, so
the dynamic loader gives whichever comes second the copy that is already there.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from seaformer_edge.errors import ModelError
from seaformer_edge.runtime.program import Program

if TYPE_CHECKING:
    from seaformer_edge.runtime.native import NativeProgram
    from seaformer_edge.runtime.official import OfficialProgram

__all__ = ["Program", "open_program", "open_replicas"]

BINDING_VARIABLE = "SEAFORMER_EDGE_BINDING"
"""Environment variable that insists on a binding: "native" or "official"."""

MAX_COPIES = 4
"""Copies that `open_replicas` makes unless told: each takes tens of megabytes."""


def open_program(path: str | Path, num_threads: int | None = None) -> Program:
    """Load a .pte program.

    A truncated file is refused, but one with altered bytes can crash the process: ExecuTorch
    does not check what is inside a delegate. `seaformer_edge.hub.card.verify` does.

    Args:
        path: the program; one float32 NHWC input, one output, method "forward".
        num_threads: threads to run on; None leaves the choice to ExecuTorch, or to the program
            that is open. They are one pool for the whole process, so it can only change while no
            program is open.

    Raises:
        ModelError: the file is missing, damaged or laid out otherwise; another program is open
            with another number of threads; or neither binding can be had.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"{path}: no such program")
    if num_threads is not None and num_threads < 1:
        raise ModelError(f"{path}: cannot run on {num_threads} threads")
    return binding()(path, num_threads)


def open_replicas(path: str | Path, num_threads: int | None = None) -> list[Program]:
    """Load a .pte program once for each thread, to run as many images at once.

    Threads with an image each get through more of them than threads that share every image and
    wait for each other after every layer; a single image takes longer. Each copy has its own
    memory. Through the official binding, which runs one program at a time, it is one program on
    all threads.

    Args:
        path: see `open_program`.
        num_threads: None for one on each processor core, but not more than `MAX_COPIES`.

    Raises:
        ModelError: see `open_program`.
    """
    if num_threads is None:
        num_threads = min(usable_cores(), MAX_COPIES)
    if not binding().runs_overlap:
        return [open_program(path, num_threads)]
    return [open_program(path, 1) for _ in range(num_threads)]


def usable_cores() -> int:
    """The processor cores that this process may run on."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def binding() -> type[NativeProgram] | type[OfficialProgram]:
    """The binding of this process.

    Raises:
        ModelError: neither is here, or not the one the environment asks for.
    """
    choice = os.environ.get(BINDING_VARIABLE, "")
    if choice not in ("", "native", "official"):
        raise ModelError(f"{BINDING_VARIABLE}={choice}: neither native nor official")
    if choice != "official":
        try:
            from seaformer_edge.runtime.native import NativeProgram

            return NativeProgram
        except ImportError as error:
            if choice == "native":
                raise ModelError(f"{BINDING_VARIABLE}=native: {error}") from error
    try:
        from seaformer_edge.runtime.official import OfficialProgram
    except ImportError as error:
        raise ModelError(
            f"no binding to run programs with ({error}); install a C++ compiler and then "
            "seaformer-edge again, or torch and executorch"
        ) from error
    if choice != "official":
        logging.getLogger(__name__).warning(
            "seaformer-edge runs without its native part: starting takes seconds, memory "
            "hundreds of megabytes, and no other work overlaps with the network's"
        )
    return OfficialProgram
