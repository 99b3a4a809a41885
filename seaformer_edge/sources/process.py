"""A camera or stream in a child process, which can be ended whatever it is waiting for.

Drivers, FFmpeg and name look-ups can block for seconds, or forever, and cannot be interrupted. A
thread in such a call cannot be ended; a process can, and the system releases its device.

Messages of the child (`sources.worker`), see `machine.child_process`: one with the properties of
the open source, then one for each frame, followed by its pixels, then `{"ended": true}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from seaformer_edge.errors import SourceError
from seaformer_edge.frame import Frame
from seaformer_edge.machine.child_process import ChildDiedError, ChildProcess

GRACE_S = 0.5


class SourceProcess:
    """One opening of a source in a child process. One thread iterates; any thread may close.

    Attributes:
        name: what to call the source; known from the first frame on, as are the others.
        frame_rate: frames per second; None where it is unknown.
        is_live: whether the source is a camera or a live stream.
        lost_frames: frames that arrived but could not be decoded.
    """

    name: str | None = None
    frame_rate: Fraction | None = None
    is_live = True
    lost_frames = 0

    def __init__(self, spec: str | Path) -> None:
        """Starts the child; it opens `spec` in the background."""
        self._child = ChildProcess("seaformer_edge.sources.worker", str(spec))

    @property
    def pid(self) -> int:
        return self._child.pid

    def __iter__(self) -> Iterator[Frame]:
        """Yields frames until the source ends or `close` is called.

        Raises:
            SourceError: the source in the child raised it, or the child died.
        """
        with self._child:
            try:
                opened = self._child.read_message()
                self.name = opened["name"]
                self.is_live = opened["is_live"]
                self.frame_rate = opened["frame_rate"] and Fraction(opened["frame_rate"])
                while "ended" not in (message := self._child.read_message()):
                    image = np.empty(message["shape"], np.uint8)
                    self._child.read_into(image.data.cast("B"))
                    self.lost_frames = message["lost_frames"]
                    yield Frame(
                        image,
                        message["index"],
                        message["timestamp_s"],
                        captured_at_s=message["captured_at_s"],
                    )
            except ChildDiedError as death:
                name = self.name or "the source"
                raise SourceError(f"{name}: its process died ({death.returncode})") from None
            finally:
                self.close()

    def close(self) -> None:
        """Closes the source in the child, and ends the child after `GRACE_S` at the latest."""
        self._child.stop(GRACE_S)
