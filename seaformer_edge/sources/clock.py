"""Times of the frames and the audio packets of a video file."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import Any, cast

import av
import av.container
import av.video
from av.format import Flags
from av.stream import Stream
from av.video.stream import VideoStream

# A clock that steps back by more than this has begun again; less is the jitter of a muxer.
RESTART_S = Fraction(1, 10)
# A longer gap is a jump in a format whose clock may jump; FFmpeg has the same limit.
JUMP_S = 10
# Formats that may have decoding times only; Matroska too, with a tag of Video for Windows.
_MAY_LACK_PRESENTATION_TIMES = {"asf", "avi", "mxf"}
# Packets to look at for the order of presentation.
MAX_EXAMINED = 64
# Audio packets that wait for the video to begin again too; about ten seconds.
MAX_WAITING = 500


class FrameClock:
    """Times in seconds since the file's start, which never decrease.

    A clock that begins again, as in joined recordings, or jumps in a transport stream continues one
    frame after the last. A pause in a format without such jumps stays.

    Some formats, such as AVI, have only decoding times. The frames leave the decoder in the order
    of presentation, so the n-th frame has the n-th of these times.

    Args:
        container: the open file.
        interval: seconds from one frame to the next, where the file has no times.

    Attributes:
        has_presentation_times: whether the file has them, and not only decoding times.
        jumped: seconds that were taken out of the file's times, as its clock jumped ahead.
    """

    def __init__(self, container: av.container.InputContainer, interval: Fraction) -> None:
        self._interval = interval
        self._offset = -Fraction(container.start_time or 0, av.time_base)
        self._starts_anywhere = container.start_time is None and not container.streams.audio
        self._may_jump = _may_jump(container)
        self._format = container.format.name
        self._decoding_times: deque[Fraction] | None = None  # of the frames in the decoder
        self._max_delay = 0
        self._last = -interval
        self.jumped = Fraction(0)

    def watch(
        self, packets: Iterator[av.Packet[VideoStream]], stream: VideoStream
    ) -> Iterator[av.Packet[VideoStream]]:
        """The same packets of `stream`; the clock looks at their times before they are decoded."""
        examined: list[av.Packet[VideoStream]] = []
        error: av.FFmpegError | None = None
        codec = stream.codec_context
        is_vfw = self._format.startswith("matroska") and codec.codec_tag.strip("\0") != ""
        if codec.has_b_frames and (is_vfw or self._format in _MAY_LACK_PRESENTATION_TIMES):
            reordered, latest = False, None
            # FFmpeg makes up presentation times for AVI.
            while not (self._format == "avi" or reordered) and len(examined) < MAX_EXAMINED:
                try:
                    packet = next(packets)
                except StopIteration:
                    break
                except av.FFmpegError as caught:  # raised after the packets before it
                    error = caught
                    break
                examined.append(packet)
                if packet.pts is not None and packet.dts is not None:
                    times = packet.pts, packet.dts
                    reordered = latest is not None and times[0] < latest[0] and times[1] > latest[1]
                    latest = times
            if not reordered:  # "presentation" times are in the order of decoding
                self._decoding_times = deque()
        for packet in chain(examined, packets):
            if self._decoding_times is not None and packet.dts is not None:
                self._decoding_times.append(packet.dts * _time_base(packet))
            yield packet
        if error is not None:
            raise error

    @property
    def has_presentation_times(self) -> bool:
        return self._decoding_times is None

    def time(self, picture: av.VideoFrame) -> Fraction:
        """The time of the next frame in presentation order."""
        time = self._file_time(picture)
        continued = self._last + self._interval
        if time is None:
            time = continued
        else:
            if self._last < 0 and self._starts_anywhere:
                self._offset = -time
            time += self._offset
            step = time - self._last
            if self._last >= 0 and (step < -RESTART_S or (self._may_jump and step > JUMP_S)):
                self._offset += continued - time
                self.jumped += max(time - continued, Fraction(0))
                time = continued
        self._last = max(time, self._last, Fraction(0))
        return self._last

    def _file_time(self, picture: av.VideoFrame) -> Fraction | None:
        times = self._decoding_times
        if times:
            # A frame that the decoder loses leaves its time behind.
            self._max_delay = self._max_delay or len(times) + 1
            while len(times) > self._max_delay:
                times.popleft()
            return times.popleft()
        ticks = picture.dts if self._format == "avi" or picture.pts is None else picture.pts
        if ticks is None or picture.time_base is None:
            return None
        return ticks * Fraction(picture.time_base.numerator, picture.time_base.denominator)


def audio_times(
    container: av.container.InputContainer,
    audio: Sequence[int],
    video: int | None,
    interval: Fraction,
) -> Iterator[tuple[av.Packet[Stream], Fraction]]:
    """The audio packets of a file and their decoding times, in seconds since the file's start.

    Joined recordings are parts, in each of which the clocks of all streams begin again. In a new
    part, the video continues one frame after its last (see `FrameClock`), and the audio keeps its
    place beside the video.

    Args:
        container: the open file; it is read up to the first error.
        audio: indices of the streams to read.
        video: index of the stream of `FrameClock`; None if there is none.
        interval: seconds from one frame to the next.
    """
    shifts = [-Fraction(container.start_time or 0, av.time_base)]  # of each part
    video_end = audio_end = Fraction(0)
    indices = [*audio] if video is None else [video, *audio]
    clocks = {index: _PacketClock(_may_jump(container)) for index in indices}
    waiting: deque[tuple[av.Packet[Stream], Fraction, int]] = deque()  # with time and part
    for packet in _packets(container, indices):
        if packet is not None:
            clock = clocks[packet.stream_index]
            time = clock.advance(packet)
            if packet.stream_index == video:
                shown = time + clock.delay(packet)
                if clock.part == len(shifts):
                    shifts.append(video_end - shown)
                video_end = max(video_end, shown + shifts[clock.part] + interval)
            else:
                waiting.append((packet, time, clock.part))
        must_wait = packet is not None and video is not None and len(waiting) <= MAX_WAITING
        while waiting and not (must_wait and waiting[0][2] >= len(shifts)):
            ready, time, part = waiting.popleft()
            while part >= len(shifts):  # only the audio began again
                shifts.append(audio_end - time)
            time += shifts[part]
            audio_end = max(audio_end, time + clocks[ready.stream_index].duration)
            yield ready, time


def _packets(
    container: av.container.InputContainer, indices: Sequence[int]
) -> Iterator[av.Packet[Stream] | None]:
    """The packets up to the first error, then None."""
    packets = container.demux([container.streams[index] for index in indices])
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.FFmpegError):
            break
        if packet.size:
            yield packet
    yield None


@dataclass
class _PacketClock:
    """The decoding times of one stream, in seconds, as in the file."""

    may_jump: bool
    last: Fraction | None = None
    duration: Fraction = Fraction(0)
    """Of the last packet."""
    part: int = 0

    def advance(self, packet: av.Packet[Stream]) -> Fraction:
        """The time of the next packet; counts a part if the clock has begun again or jumped."""
        base = _time_base(packet)
        ticks = packet.pts if packet.dts is None else packet.dts
        if ticks is None:
            time = (self.last or Fraction(0)) + self.duration
        else:
            time = ticks * base
            step = Fraction(0) if self.last is None else time - self.last
            self.part += step < -RESTART_S or (self.may_jump and step > JUMP_S)
        self.last = time
        self.duration = (packet.duration or 0) * base
        return time

    @staticmethod
    def delay(packet: av.Packet[Stream]) -> Fraction:
        """Seconds from decoding to presentation."""
        if packet.pts is None or packet.dts is None:
            return Fraction(0)
        return (packet.pts - packet.dts) * _time_base(packet)


def _time_base(packet: av.Packet[Any]) -> Fraction:
    return Fraction(packet.time_base.numerator, packet.time_base.denominator)


def _may_jump(container: av.container.InputContainer) -> bool:
    return bool(container.format.flags & cast(int, Flags.ts_discont.value))
