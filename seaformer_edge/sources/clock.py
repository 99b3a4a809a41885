"""Presentation times of the frames of a video file."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import av
import av.container
import av.video
from av.format import Flags

# A clock that steps back by more than this has begun again; less is the jitter of a muxer.
RESTART_S = Fraction(1, 10)
# A longer gap is a jump in a format whose clock may jump; FFmpeg has the same limit.
JUMP_S = 10


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
        self._may_jump = bool(container.format.flags & cast(int, Flags.ts_discont.value))
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
