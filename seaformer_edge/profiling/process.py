"""A run in a process of its own: its memory is its own, and its model is loaded afresh.

python -m seaformer_edge.profiling.process      # the child, which the parent starts

parent -> the child's stdin: the pickled request; its end is the child's
child -> its stdout: pickled progress, again and again, then the run or the error
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable

from seaformer_edge.errors import ModelError, SeaformerEdgeError
from seaformer_edge.profiling.measure import Progress, Request, measure
from seaformer_edge.profiling.record import Run


def measure_apart(request: Request, tell: Callable[[Progress], None]) -> Run:
    """`measure` in a child.

    Raises:
        SeaformerEdgeError: what `measure` raised, or the child died.
    """
    with subprocess.Popen(
        # -P: modules of the folder we are called in are none of ours.
        [sys.executable, "-P", "-m", "seaformer_edge.profiling.process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for us
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            pickle.dump(request, child.stdin)
            child.stdin.flush()
            while isinstance(message := pickle.load(child.stdout), Progress):
                tell(message)
        except (EOFError, BrokenPipeError):
            raise ModelError(
                f"{request.model}: the process that measured it died ({child.wait()})"
            ) from None
        finally:
            child.kill()
            with contextlib.suppress(BrokenPipeError):  # what a dead child did not read
                child.stdin.close()
    if isinstance(message, SeaformerEdgeError):
        raise message
    assert isinstance(message, Run)
    return message


def main() -> None:
    try:
        request: Request = pickle.load(sys.stdin.buffer)
    except EOFError:  # the parent was interrupted before it could ask
        return
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Whatever else prints must not get between the messages.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def tell(message: object) -> None:
        pickle.dump(message, output)
        output.flush()

    try:
        tell(measure(request, tell))
    except SeaformerEdgeError as error:
        tell(error)
    os._exit(0)  # the thread that waits for the parent cannot be ended otherwise


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    main()
