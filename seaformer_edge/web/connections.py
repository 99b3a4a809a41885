"""Connections of the server: how many there may be, and how long each may take.

A connection carries one request. It is cut when request and answer have taken too long, whether
the client sends slowly, takes the answer slowly or is gone. Where too many are open, a new one
replaces the oldest: a client in good order is done long before that.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

MAX_CONNECTIONS = 128
REQUEST_S = 30.0
MAX_BODY = 64 * 1024  # bytes
# What the kernel holds back unsent. Pictures that wait there would grow old.
MAX_UNSENT = 16 * 1024  # bytes

# aiohttp writes a traceback for each request that is not HTTP.
_silent = logging.getLogger(f"{__name__}.aiohttp")
_silent.disabled = True

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Server(web.Server):
    """A server that limits its connections. Only the event loop's thread uses it."""

    def __init__(self, handler: Handler) -> None:
        super().__init__(
            handler,
            request_factory=_request,
            access_log=None,
            logger=_silent,
            keepalive_timeout=REQUEST_S,
            lingering_time=0.0,
            auto_decompress=False,
        )
        self._open: dict[RequestHandler, asyncio.Transport] = {}
        self._limited: dict[RequestHandler, asyncio.TimerHandle] = {}  # the oldest first

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        if len(self._limited) >= MAX_CONNECTIONS:
            oldest = next(iter(self._limited))
            self._forget(oldest).abort()
        self._open[handler] = transport
        loop = asyncio.get_running_loop()
        self._limited[handler] = loop.call_later(REQUEST_S, transport.abort)
        super().connection_made(handler, transport)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        if handler in self._open:
            self._forget(handler)
        super().connection_lost(handler, exc)

    def stream(self, request: web.BaseRequest) -> asyncio.Transport | None:
        """Lets the connection of a request go on without end; None if it is closed already.

        From now on, the transport counts as full until everything written to it is on its way.
        """
        transport = self._open.get(request.protocol)
        if transport is None:
            return None
        if (timer := self._limited.pop(request.protocol, None)) is not None:
            timer.cancel()
        transport.set_write_buffer_limits(high=0)
        option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
        if option is not None:
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, option, MAX_UNSENT)
        return transport

    def abort(self) -> None:
        """Cuts every connection."""
        for transport in list(self._open.values()):
            transport.abort()

    def _forget(self, handler: RequestHandler) -> asyncio.Transport:
        if (timer := self._limited.pop(handler, None)) is not None:
            timer.cancel()
        return self._open.pop(handler)


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY)
