"""A video or motion JPEG on standard input."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import av

from seaformer_edge.errors import SourceError
from seaformer_edge.frame import Frame
from seaformer_edge.sources.playlist import MEDIA_ONLY
from seaformer_edge.sources.video import BOUNDED, FORGIVING, VideoSource

STANDARD_INPUT = 0
POLL_S = 0.1


class PipeSource(VideoSource):
    """The video on standard input, without its audio. It can be iterated once.

    It is not live: the program that writes it waits until its frames are read.
    """

    def __init__(self) -> None:
        self.name = "standard input"
        self._input = _Input()
        self._begun = False
        try:
            if os.isatty(STANDARD_INPUT):
                raise SourceError(f"{self.name} is a terminal; pipe a video into this command")
            self._container = av.open(self._input, options=MEDIA_ONLY | BOUNDED, **FORGIVING)
        except av.InvalidDataError:
            raise SourceError(
                f"{self.name}: no video that can be read from a pipe; an MP4 with its index at its"
                " end is one, so name the file itself"
            ) from None
        except (OSError, av.FFmpegError) as error:
            raise SourceError(f"{self.name}: cannot be read ({error.strerror})") from None
        coded = self._describe(self._container)
        self._frames = self._read(self._container)
        first = next(self._frames, None)
        self._measure(first, *coded)
        if first is not None:
            self._frames = chain([replace(first, pixel_aspect=self.pixel_aspect)], self._frames)

    def __iter__(self) -> Iterator[Frame]:
        if self._begun:
            raise SourceError(f"{self.name} can be read only once")
        self._begun = True
        yield from self._frames

    def begin_near(self, time_s: float) -> None:
        """Does nothing: a pipe is read from its beginning."""

    def interrupt(self) -> None:
        self._input.closed = True

    def close(self) -> None:
        self.interrupt()
        self._container.close()


class _Input:
    """Standard input for PyAV.

    Attributes:
        closed: once set, by any thread, the input has ended.
    """

    def __init__(self) -> None:
        self.closed = False

    def read(self, size: int) -> bytes:
        while not self.closed:
            if select.select([STANDARD_INPUT], [], [], POLL_S)[0]:
                return os.read(STANDARD_INPUT, size)
        return b""
