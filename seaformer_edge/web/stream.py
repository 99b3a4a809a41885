"""One client's stream of JPEGs (MJPEG): always the newest picture, in a size that fits its rate.

A client takes the next picture only once it has received the one before, so a slow client skips
pictures and nothing queues.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from aiohttp import web

from seaformer_edge.web.pictures import SIZES, Picture, Pictures, Stamp

BOUNDARY = "frame"
# A client that sees no new picture learns from the same one that the server still lives.
REPEAT_S = 5.0
STALLED_S = 20.0

# A client is slow if it spends this part of its time receiving: it misses pictures. It could take
# the next larger size, of three times the bytes, below the other.
SLOW, FAST = 0.9, 0.2
ADAPT_S = 2.0
RETRY_S, MAX_RETRY_S = 8.0, 120.0


class Pace:
    """Chooses a client's size by the part of the time in which it receives.

    Args:
        now_s: on a monotonic clock, as all times.
    """

    def __init__(self, now_s: float) -> None:
        self._index = 0
        self._since_s = now_s
        self._sending_s = 0.0
        self._retry_s = RETRY_S
        self._changed_s = now_s

    @property
    def index(self) -> int:
        """Into `SIZES`."""
        return self._index

    def sent(self, took_s: float, now_s: float) -> None:
        """A picture was sent, which took `took_s`, and has just been received."""
        self._sending_s += took_s
        over_s = now_s - self._since_s
        if over_s < ADAPT_S:
            return
        busy = self._sending_s / over_s
        self._since_s, self._sending_s = now_s, 0.0
        if busy > SLOW and self._index < len(SIZES) - 1:
            # Too soon after it became larger, which is then tried less often.
            failed = now_s - self._changed_s < RETRY_S
            self._retry_s = min(self._retry_s * 2, MAX_RETRY_S) if failed else RETRY_S
            self._index += 1
            self._changed_s = now_s
        elif busy < FAST and self._index and now_s - self._changed_s >= self._retry_s:
            self._index -= 1
            self._changed_s = now_s


async def send_stream(
    request: web.BaseRequest,
    transport: asyncio.Transport,
    response: web.StreamResponse,
    pictures: Pictures,
    on_sent: Callable[[], None],
) -> None:
    """Sends pictures until the client goes, or receives nothing for twenty seconds.

    Args:
        transport: of the request, from `Server.stream`.
        response: without a body yet.
        on_sent: called for each picture.
    """
    response.content_type = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
    await response.prepare(request)
    pace = Pace(monotonic())
    shown: Stamp | None = None
    picture: Picture | None = None
    beginning = f"--{BOUNDARY}\r\n".encode()
    while not transport.is_closing():
        try:
            async with asyncio.timeout(REPEAT_S):
                picture = await pictures.other_than(shown, SIZES[pace.index])
        except TimeoutError:
            if picture is None:
                continue
        assert picture is not None
        assert picture.data is not None
        shown = picture.stamp
        begun_s = monotonic()
        # The boundary ends a picture: browsers show it when they have read that.
        part = b"%sContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n--%s\r\n" % (
            beginning,
            len(picture.data),
            picture.data,
            BOUNDARY.encode(),
        )
        beginning = b""
        try:
            async with asyncio.timeout(STALLED_S):
                await response.write(part)
                await request.writer.drain()
        except TimeoutError:
            transport.abort()
            return
        now_s = monotonic()
        pace.sent(now_s - begun_s, now_s)
        on_sent()
