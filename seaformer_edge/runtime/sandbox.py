"""The sandbox: a child process for the first run of an unknown program.

ExecuTorch checks a program's outer structure, but not what is inside a delegate. A file that was
altered there, together with its card, can crash the process that opens it, hang it, or use up its
memory. So a program that is not shipped with the package is first opened and run once in a sandbox
process. If that succeeds, its sha256 is stored, and the program is opened directly from then on.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seaformer_edge.errors import ModelError
from seaformer_edge.files import atomic_write, changing
from seaformer_edge.hub.json_file import read_json
from seaformer_edge.hub.paths import shipped_models_dir, user_models_dir

if TYPE_CHECKING:
    from seaformer_edge.machine.child_process import Connection

TIMEOUT_S = 60
MAX_BYTES = 4 << 30
VETTED = "vetted.json"
"""File in the user's models folder: the sha256 of the programs that have passed the sandbox."""


def vet_program(path: Path, sha256: str) -> None:
    """Run a program once in a sandbox process, unless it is shipped or has passed before.

    Args:
        sha256: of the file.

    Raises:
        ModelError: the program could not be opened or run there, crashed, or did not end.
    """
    if path.resolve().parent == shipped_models_dir().resolve() or sha256 in _vetted():
        return
    # Imports subprocess, which takes 10 ms and is not needed for shipped programs.
    from seaformer_edge.machine.child_process import ChildDiedError, ChildProcess

    try:
        with ChildProcess(
            "seaformer_edge.runtime.sandbox", str(path.absolute()), timeout_s=TIMEOUT_S
        ) as child:
            child.read_message()
    except ChildDiedError as death:
        if death.timed_out:
            raise ModelError(
                f"{path}: damaged: its first run, in a sandbox process, did not end within"
                f" {TIMEOUT_S} s; export or fetch it again"
            ) from None
        raise ModelError(
            f"{path}: damaged: its first run, in a sandbox process, crashed"
            f" ({death.returncode}); export or fetch it again"
        ) from None
    _record_vetted(sha256)


def _vetted() -> list[str]:
    try:
        return read_json(user_models_dir() / VETTED, list[str], "a list of sha256")
    except (FileNotFoundError, ModelError):  # no list yet, or no home
        return []


def _record_vetted(sha256: str) -> None:
    # Without a home that can be written, the program is vetted again next time.
    with suppress(OSError, ModelError):
        path = user_models_dir() / VETTED
        with changing(path):
            text = json.dumps([*_vetted(), sha256], indent=1) + "\n"
            atomic_write(path, text.encode())


def _handle(connection: Connection) -> None:
    _limit_this_process()
    _run_once(Path(connection.request))
    connection.send("done")


def _limit_this_process() -> None:
    if sys.platform == "win32":
        return
    import resource
    import signal

    # A program that hangs in native code may also stop the thread that watches for the parent's
    # end; the system's alarm ends this process even then.
    signal.alarm(TIMEOUT_S)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))


def _run_once(path: Path) -> None:
    from seaformer_edge.runtime import open_program

    program = open_program(path, 1)
    program.run(np.zeros(program.input_shape, np.float32))


if __name__ == "__main__":
    from seaformer_edge.machine.child_process import serve

    serve(_handle)
