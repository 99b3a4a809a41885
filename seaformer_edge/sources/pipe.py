"""A video or motion JPEG on standard input."""

from __future__ import annotations

import io
import os
import select
import stat
import tempfile
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
PEEK_BYTES = 4096
SPOOL_BYTES = 1 << 20


class PipeSource(VideoSource):
    """The video on standard input, without its audio. It can be iterated once.

    It is not live: the program that writes it waits until its frames are read. Of an MP4 that has
    its index at its end, everything is first copied to a temporary file.
    """

    def __init__(self) -> None:
        self.name = "standard input"
        self._input = _Input()
        self._begun = False
        try:
            if os.isatty(STANDARD_INPUT):
                raise SourceError(f"{self.name} is a terminal; pipe a video into this command")
            self._file = self._input.for_ffmpeg()
            self._container = av.open(self._file, options=MEDIA_ONLY | BOUNDED, **FORGIVING)
        except av.InvalidDataError:
            raise SourceError(f"{self.name}: no video that can be read") from None
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
        self._file.close()


class _Input:
    """Standard input for PyAV.

    Attributes:
        closed: once set, by any thread, the input has ended.
    """

    def __init__(self) -> None:
        self.closed = False
        self._peeked = b""

    def for_ffmpeg(self) -> _Input | _Spooled | io.FileIO:
        """This input, or one that can be searched, where it is a file or has to be."""
        if stat.S_ISREG(os.fstat(STANDARD_INPUT).st_mode):
            return io.FileIO(STANDARD_INPUT, closefd=False)
        while len(self._peeked) < PEEK_BYTES and (data := self.read_new(PEEK_BYTES)):
            self._peeked += data
        return _Spooled(self) if _has_late_index(self._peeked) else self

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; none at the end."""
        if self._peeked:
            data, self._peeked = self._peeked[:size], self._peeked[size:]
            return data
        return self.read_new(size)

    def close(self) -> None:
        self.closed = True

    def read_new(self, size: int) -> bytes:
        while not self.closed:
            if select.select([STANDARD_INPUT], [], [], POLL_S)[0]:
                return os.read(STANDARD_INPUT, size)
        return b""


class _Spooled:
    """An input that can be searched: what has been read is in a temporary file."""

    def __init__(self, source: _Input) -> None:
        self._source = source
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._size = self._at = 0

    def read(self, size: int) -> bytes:
        self._spool(self._at + size)
        self._file.seek(self._at)
        data = self._file.read(size)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            self._spool(None)
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        self._file.close()

    def _spool(self, end: int | None) -> None:
        """Reads the source up to the byte `end`, or to its end."""
        self._file.seek(self._size)
        while end is None or self._size < end:
            data = self._source.read(SPOOL_BYTES)
            if not data:
                return
            self._file.write(data)
            self._size += len(data)


def _has_late_index(start: bytes) -> bool:
    """Whether this is the start of an MP4 or MOV whose index (moov) follows its frames (mdat)."""
    at = 0
    while at + 16 <= len(start):
        size, kind = int.from_bytes(start[at : at + 4], "big"), start[at + 4 : at + 8]
        if at == 0 and kind != b"ftyp":
            return False
        if kind in (b"moov", b"mdat"):
            return kind == b"mdat"
        at += max(size, 8)
    return False
