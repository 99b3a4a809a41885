"""Run .pte programs with ExecuTorch, through this package's binding or the official one.

A process uses one binding. Both load ExecuTorch's shared libraries under the same names, so the
dynamic loader would give the second binding the libraries of the first.
"""

from __future__ import annotations

import functools
import logging
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from seaformer_edge.errors import ModelError, reading
from seaformer_edge.machine.build_tools import INSTALL_LINES
from seaformer_edge.machine.cpu import MAX_THREADS, usable_cores
from seaformer_edge.machine.malloc import can_reserve
from seaformer_edge.runtime.program import Program

if TYPE_CHECKING:
    from seaformer_edge.runtime.native import NativeProgram
    from seaformer_edge.runtime.official import OfficialProgram

__all__ = ["Program", "open_program", "open_replicas"]

BINDING_VARIABLE = "SEAFORMER_EDGE_BINDING"
"""Environment variable that selects the binding: "native" or "official"."""

log = logging.getLogger(__name__)

RESERVE_BYTES = 160 << 20
REPLICA_BYTES = 32 << 20
"""Address space that must be free before a program is opened: for its weights, twice while they
are packed, and its activations; and for the encoder and the threads beside it."""

MAX_DEFAULT_REPLICAS = 4
"""Limit for `open_replicas` without `num_threads`: each replica takes tens of megabytes."""


def open_program(path: str | Path, num_threads: int | None = None) -> Program:
    """Load a .pte program.

    A truncated file raises an error, but a file with altered bytes can crash the process:
    ExecuTorch does not check the content of a delegate. Check the file first with
    `seaformer_edge.hub.card.verify`.

    Args:
        path: a program with one float32 NHWC input, one output and the method "forward".
        num_threads: size of the thread pool. A process has one pool, and its size can only change
            while no program is open. None keeps the size that open programs use, or takes
            ExecuTorch's default if none is open.

    Raises:
        ModelError: the file is missing, damaged or has another layout; an open program uses
            another number of threads; or no binding is installed.
    """
    path = Path(path)
    with reading(path):
        if not path.is_file():
            raise ModelError(f"{path}: no such program file")
    _check_threads(path, num_threads)
    _check_memory(path, 1)
    return binding()(path, num_threads)


def open_replicas(path: str | Path, num_threads: int | None = None) -> list[Program]:
    """Load a .pte program several times, so that as many images run at the same time.

    Each replica runs on one thread and has its own memory. This gives a higher throughput than one
    program on all threads, which wait for each other after every layer, but a higher latency.
    The official binding runs one program at a time, so there it opens one program on all threads.

    Args:
        path: see `open_program`.
        num_threads: number of replicas, at most one for each processor core; None takes one for
            each, up to `MAX_DEFAULT_REPLICAS`.

    Raises:
        ModelError: see `open_program`.
    """
    path = Path(path)
    cores = usable_cores()
    _check_threads(path, num_threads)
    if num_threads is None:
        num_threads = min(cores, MAX_DEFAULT_REPLICAS)
    if num_threads > cores:
        log.warning("%d threads instead of %d: there are no more cores", cores, num_threads)
        num_threads = cores
    if not binding().runs_overlap:
        return [open_program(path, num_threads)]
    if path.is_file():
        _check_memory(path, num_threads)
    return [open_program(path, 1) for _ in range(num_threads)]


def _check_memory(path: Path, replicas: int) -> None:
    """Raises ModelError if the memory for the first run cannot be had: ExecuTorch would crash."""
    needed = RESERVE_BYTES + replicas * (REPLICA_BYTES + 3 * path.stat().st_size)
    if not can_reserve(needed):
        raise ModelError(
            f"{path}: not enough memory: running it takes about {needed >> 20} MB more; close other"
            " programs, raise the limit (ulimit -v), or use fewer threads"
        )


def _check_threads(path: str | Path, num_threads: int | None) -> None:
    if num_threads is not None and not 1 <= num_threads <= MAX_THREADS:
        raise ModelError(f"{path}: cannot run on {num_threads} threads; use 1 to {MAX_THREADS}")


@functools.cache
def binding() -> type[NativeProgram] | type[OfficialProgram]:
    """The binding that this process uses: native if it is installed, else official.

    Raises:
        ModelError: none is installed, or not the one that `BINDING_VARIABLE` selects.
    """
    choice = os.environ.get(BINDING_VARIABLE, "")
    if choice not in ("", "native", "official"):
        raise ModelError(f"{BINDING_VARIABLE}={choice}: must be native or official")
    native_error = None
    if choice != "official":
        try:
            from seaformer_edge.runtime.native import NativeProgram

            return NativeProgram
        except ImportError as error:
            native_error = error
            if choice == "native":
                raise ModelError(f"{BINDING_VARIABLE}=native: {error}") from error
    try:
        from seaformer_edge.runtime.official import OfficialProgram
    except ImportError as error:
        raise ModelError(_no_binding(native_error or error)) from error
    if choice != "official":
        log.warning(
            "the native extension of seaformer-edge is not installed: start-up takes seconds, "
            "memory hundreds of megabytes, and nothing else runs while the network does"
        )
    return OfficialProgram


def check_installation() -> None:
    """Checks that a binding is installed. Loads none, so it is quick.

    Raises:
        ModelError: with the commands that install what building the native one needs.
    """
    if find_spec("seaformer_edge._native") or find_spec("executorch"):
        return
    raise ModelError(_no_binding(None))


def _no_binding(error: ImportError | None) -> str:
    """The message if no program can run. `error`: why the binding does not load."""
    if find_spec("seaformer_edge._native") is not None:
        return f"ExecuTorch cannot be loaded ({error}); seaformer-edge doctor says what to do"
    lines = "; ".join(f"{system}: {line}" for system, line in INSTALL_LINES.items())
    return (
        "seaformer-edge was installed without its native part, which needs a C++ compiler and"
        f" Python's headers ({lines}); install them, then seaformer-edge again: seaformer-edge"
        " doctor prints the commands"
    )
