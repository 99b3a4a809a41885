"""A camera or stream in a child process, which can be ended whatever it is waiting for.

Drivers, FFmpeg and name look-ups can block for seconds, or forever, and cannot be interrupted. A
thread in such a call cannot be ended; a process can, and the system releases its device.

Messages of the child (`sources.worker`), see `machine.child_process`: one with the properties of
the open source, then one for each frame, then one with `ended`. A frame is in a slot of memory that
both processes share (`sources.frame_ring`), or else its pixels follow its message.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SourceError
from seaformer_edge.frame import Frame
from seaformer_edge.machine.child_process import ChildDiedError, ChildProcess
from seaformer_edge.safe_text import redacted
from seaformer_edge.sources.base import FrameSource
from seaformer_edge.sources.camera_settings import AS_IT_IS, CameraSettings
from seaformer_edge.sources.frame_ring import IS_SUPPORTED, FrameRing

GRACE_S = 0.5

log = logging.getLogger(__name__)


class SourceProcess:
    """One opening of a source in a child process. One thread iterates; any thread may close.

    Attributes:
        name: what to call the source; known from the first frame on, as are the others.
        frame_rate: frames per second; None where it is unknown.
        is_live: whether the source is a camera or a live stream.
        pixel_aspect: width of a pixel over its height, when displayed.
        lost_frames: frames that arrived but could not be decoded.
        exhausted: whether the source has ended.
        controls: as of `FrameSource`.
        warnings: what the child logged while it opened the source.
    """

    module = "seaformer_edge.sources.worker"
    name: str | None = None
    frame_rate: Fraction | None = None
    is_live = True
    pixel_aspect = Fraction(1)
    lost_frames = 0
    exhausted = False
    controls: Mapping[str, tuple[float, float]] = MappingProxyType({})
    warnings: Sequence[str] = ()

    def __init__(self, spec: str | Path, camera: CameraSettings = AS_IT_IS) -> None:
        """Starts the child; it opens `spec` in the background."""
        self._ring = _new_ring()
        inherited = [] if self._ring is None else [self._ring.fd]
        self._child = ChildProcess(
            self.module,
            {
                "source": str(spec),
                "camera": asdict(camera),
                "ring": inherited[0] if inherited else -1,
            },
            inherited=inherited,
        )
        self._closed = False

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
                self.pixel_aspect = Fraction(opened["pixel_aspect"])
                self.controls = {k: (low, high) for k, (low, high) in opened["controls"].items()}
                self.warnings = opened["warnings"]
                while "ended" not in (message := self._child.read_message()):
                    image = self._image(message)
                    self.lost_frames = message["lost_frames"]
                    yield Frame(
                        image,
                        message["index"],
                        message["timestamp_s"],
                        captured_at_s=message["captured_at_s"],
                        pixel_aspect=self.pixel_aspect,
                    )
                self.lost_frames = message["lost_frames"]
                self.exhausted = True
            except ChildDiedError as death:
                if self._closed:
                    return
                name = self.name or "the source"
                raise SourceError(f"{name}: its process died ({death.returncode})") from None
            finally:
                self.close()
                if self._ring is not None:
                    self._ring.close()

    def _image(self, message: Mapping[str, Any]) -> NDArray[np.uint8]:
        """The picture of a message, (H, W, 3) uint8."""
        if message["slot"] is not None:
            assert self._ring is not None
            return self._ring.image(message["slot"], message["slot_bytes"], message["shape"])
        image = np.empty(message["shape"], np.uint8)
        self._child.read_into(image.data.cast("B"))
        return image

    def close(self) -> None:
        """Closes the source in the child, and ends the child after `GRACE_S` at the latest."""
        self._closed = True
        self._child.stop(GRACE_S)


def _new_ring() -> FrameRing | None:
    """None where there can be none; then the frames themselves cross the pipe."""
    try:
        return FrameRing() if IS_SUPPORTED else None
    except (ImportError, OSError):
        return None


class WorkerSource(FrameSource):
    """A camera or stream that a child process reads, so that waiting for it can be interrupted.

    Each further iteration opens the source again.
    """

    frame_count = None

    def __init__(self, spec: str | Path) -> None:
        self._spec = spec
        self._first = self._open()
        self._begun = False
        self.name = self._process.name or redacted(str(spec))
        self.frame_rate = self._process.frame_rate
        self.frame_size = (self._first.image.shape[1], self._first.image.shape[0])
        self.pixel_aspect = self._process.pixel_aspect
        self.is_live = self._process.is_live
        for warning in self._process.warnings:
            log.warning("%s", warning)

    def _open(self) -> Frame:
        self._process = SourceProcess(self._spec)
        self._frames = iter(self._process)
        first = next(self._frames, None)
        if first is None:  # closed meanwhile
            raise SourceError(f"{self._process.name or 'the source'}: interrupted")
        return first

    @property
    def lost_frames(self) -> int:  # type: ignore[override]
        return self._process.lost_frames

    @property
    def exhausted(self) -> bool:  # type: ignore[override]
        return self._process.exhausted

    def __iter__(self) -> Iterator[Frame]:
        if self._begun:
            self.close()
            self._first = self._open()
        self._begun = True
        yield from chain([self._first], self._frames)

    def interrupt(self) -> None:
        self._process.close()

    def close(self) -> None:
        self._process.close()
