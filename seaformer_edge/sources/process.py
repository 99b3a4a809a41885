"""A camera or stream in a process of its own, which can be ended whatever it is waiting for.

Drivers, FFmpeg and name look-ups block without a way to call them back: for ten seconds, or for
ever. A thread in such a call cannot be ended; a process can, and the system takes the device back.

    child (`source_child`) -> stdout: a line of JSON, then for each frame a line and its pixels
    parent -> the child's stdin: what to open; its end is the child's
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import numpy as np

from seaformer_edge.errors import SourceError
from seaformer_edge.frame import Frame

GRACE_S = 0.5
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows would show one for a moment


class SourceProcess:
    """One opening of a source, running in a child.

    One thread iterates; any thread may close.

    Attributes:
        name: what to call the source; known from the first frame on, as are the others.
        frame_rate: frames per second; None where it is unknown.
        live: whether the source sets its own pace.
        lost_frames: frames that came but could not be decoded.
    """

    name: str | None = None
    frame_rate: Fraction | None = None
    live = True
    lost_frames = 0

    def __init__(self, spec: str | Path) -> None:
        """Starts the child, which takes its time to open `spec`."""
        self._process = subprocess.Popen(
            # -P: modules of the folder we are called in are none of ours.
            [sys.executable, "-P", "-m", "seaformer_edge.sources.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # libraries' chatter, which may hold whole URLs
            start_new_session=True,  # Ctrl-C is for us
            creationflags=_NO_WINDOW,
        )
        # Not as an argument, which every user of the machine can read: it may hold a password.
        with contextlib.suppress(OSError):
            _pipe(self._process.stdin).write(json.dumps(str(spec)).encode() + b"\n")
            _pipe(self._process.stdin).flush()

    def __iter__(self) -> Iterator[Frame]:
        """Yields frames until the source's end, or until `close`.

        Raises:
            SourceError: what the child's own source raised, or the child died.
        """
        stdout = _pipe(self._process.stdout)
        try:
            while True:
                line = stdout.readline()
                try:
                    message: dict[str, Any] = json.loads(line)
                except ValueError:
                    raise SourceError(self._death()) from None
                if "error" in message:
                    raise SourceError(message["error"])
                if "end" in message:
                    return
                if "name" in message:
                    self._introduce(message)
                    continue
                image = np.empty(message["shape"], np.uint8)
                if stdout.readinto(image.data.cast("B")) < image.nbytes:  # type: ignore[attr-defined]
                    raise SourceError(self._death())
                self.lost_frames = message["lost"]
                yield Frame(
                    image, message["index"], message["timestamp_s"], None, message["captured_at_s"]
                )
        finally:
            self.close()
            stdout.close()

    def close(self) -> None:
        """Ends the child, at the latest after `GRACE_S`; its source is closed with it."""
        with contextlib.suppress(OSError):
            _pipe(self._process.stdin).close()
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _introduce(self, message: dict[str, Any]) -> None:
        self.name = message["name"]
        self.live = message["live"]
        rate = message["frame_rate"]
        self.frame_rate = None if rate is None else Fraction(rate)

    def _death(self) -> str:
        self.close()
        return f"{self.name or 'the source'}: its process died ({self._process.returncode})"


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # both were asked for
    return pipe
