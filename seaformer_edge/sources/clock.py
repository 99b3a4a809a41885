"""Times of the frames and the audio packets of a video file."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import av.container
import av.video
from av.format import Flags
from av.stream import Stream

# A clock that steps back by more than this has begun again; less is the jitter of a muxer.
RESTART_S = Fraction(1, 10)
# A longer gap is a jump in a format whose clock may jump; FFmpeg has the same limit.
JUMP_S = 10
# Audio packets that wait for the video to begin again too; about ten seconds.
MAX_WAITING = 500


class FrameClock:
    """Times in seconds since the file's start, which never decrease.

    A clock that begins again, as in joined recordings, or jumps in a transport stream continues one
    frame after the last. A pause in a format without such jumps stays.

    Args:
        container: the open file.
        interval: seconds from one frame to the next, where the file has no times.
    """

    def __init__(self, container: av.container.InputContainer, interval: Fraction) -> None:
        self._interval = interval
        self._offset = -Fraction(container.start_time or 0, av.time_base)
        self._may_jump = _may_jump(container)
        # AVI has no presentation times. FFmpeg gives the frames those of the packets, in the order
        # of decoding; the time at which a frame leaves the decoder is in the order of presentation.
        self._decoding_times = container.format.name == "avi"
        self._last = -interval

    def time(self, picture: av.VideoFrame) -> Fraction:
        """The time of the next frame in presentation order."""
        ticks = picture.dts if self._decoding_times else picture.pts
        continued = self._last + self._interval
        if ticks is None or picture.time_base is None:
            time = continued
        else:
            base = Fraction(picture.time_base.numerator, picture.time_base.denominator)
            time = ticks * base + self._offset
            step = time - self._last
            if self._last >= 0 and (step < -RESTART_S or (self._may_jump and step > JUMP_S)):
                self._offset += continued - time
                time = continued
        self._last = max(time, self._last, Fraction(0))
        return self._last


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


def _time_base(packet: av.Packet[Stream]) -> Fraction:
    return Fraction(packet.time_base.numerator, packet.time_base.denominator)


def _may_jump(container: av.container.InputContainer) -> bool:
    return bool(container.format.flags & cast(int, Flags.ts_discont.value))
