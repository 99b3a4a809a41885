"""Measures a model in a child process, so that memory and loading time are those of one run.

The request, the progress and the run cross as JSON; see `machine.child_process`.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from seaformer_edge.errors import ModelError
from seaformer_edge.machine.child_process import ChildDiedError, ChildProcess, Connection, serve
from seaformer_edge.profiling.measure import Progress, Request, measure
from seaformer_edge.profiling.record import Run


def measure_in_child(request: Request, on_progress: Callable[[Progress], None]) -> Run:
    """`measure` in a child process.

    Args:
        on_progress: called about once a second, in this thread.

    Raises:
        SeaformerEdgeError: `measure` raised it, or the child process died.
    """
    encoded = msgspec.to_builtins(request, enc_hook=str)  # str: of the model's path
    try:
        with ChildProcess("seaformer_edge.profiling.process", encoded, stderr=None) as child:
            while "run" not in (message := child.read_message()):
                on_progress(msgspec.convert(message["progress"], Progress))
            return msgspec.convert(message["run"], Run)
    except ChildDiedError as death:
        raise ModelError(
            f"{request.model}: the child process that measured it died ({death.returncode})"
        ) from None


def _handle(connection: Connection) -> None:
    request = msgspec.convert(connection.request, Request, dec_hook=lambda kind, text: kind(text))

    def send_progress(progress: Progress) -> None:
        connection.send({"progress": msgspec.to_builtins(progress)})

    connection.send({"run": msgspec.to_builtins(measure(request, send_progress))})


if __name__ == "__main__":
    serve(_handle)
