"""The first run of a strange program, in a process of its own.

ExecuTorch checks a program's outer structure, but not what is inside a delegate: a file altered
there, whose card was altered with it, can crash the process that opens it, hang it, or ask for all
of its memory. So a program that did not come with the package is opened and run once in a child;
one that survives this is remembered by its sha256, and from then on opened at once.

python -m seaformer_edge.runtime.sandbox PROGRAM      # the child
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.paths import shipped_models_dir, user_models_dir

TIMEOUT_S = 60
MAX_BYTES = 4 << 30
VETTED = "vetted.json"
"""In the user's models folder: the sha256 of programs that have been run here."""


def vet_program(path: Path, sha256: str) -> None:
    """Run the program in a child, unless it is shipped or has been run here before.

    Args:
        sha256: of the file.

    Raises:
        ModelError: the child was refused the program, crashed, or did not come to an end.
    """
    if path.resolve().parent == shipped_models_dir().resolve() or sha256 in _vetted():
        return
    import subprocess  # ten milliseconds that no shipped program needs

    try:
        child = subprocess.run(
            # -P: modules of the folder we are called in are none of ours.
            [sys.executable, "-P", "-m", "seaformer_edge.runtime.sandbox", path.absolute()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            start_new_session=True,  # Ctrl-C is for us
            # Windows would show one for a moment.
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except subprocess.TimeoutExpired:
        raise ModelError(
            f"{path}: damaged: a first run of it does not end; fetch it again"
        ) from None
    if refusal := child.stdout.decode(errors="replace").strip():
        raise ModelError(refusal)
    if child.returncode:
        raise ModelError(
            f"{path}: damaged: a first run of it, in a process of its own, crashed"
            f" ({child.returncode}); export or fetch it again"
        )
    _record_vetted(sha256)


def _vetted() -> list[str]:
    try:
        vetted = json.loads((user_models_dir() / VETTED).read_text())
    except (OSError, ValueError, RecursionError):
        return []
    return vetted if isinstance(vetted, list) else []


def _record_vetted(sha256: str) -> None:
    path = user_models_dir() / VETTED
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps([*_vetted(), sha256], indent=1) + "\n")
        temporary.replace(path)
    except OSError:  # a read-only home: vetted again the next time
        return


def main() -> None:
    path = Path(sys.argv[1])
    if sys.platform != "win32":
        import resource
        import signal

        signal.alarm(TIMEOUT_S)  # for a parent that was ended meanwhile
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
    from seaformer_edge.runtime import open_program

    try:
        program = open_program(path, 1)
        program.run(np.zeros(program.input_shape, np.float32))
    except ModelError as error:
        print(error)


if __name__ == "__main__":
    main()
