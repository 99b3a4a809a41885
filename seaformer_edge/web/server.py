"""The server: its thread, its addresses (paths) and their answers."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from importlib.resources import files
from typing import Any, Self
from urllib.parse import parse_qs

import msgspec
from aiohttp import web

from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.inference.modes import Mode
from seaformer_edge.live import LivePipeline
from seaformer_edge.live.report import record_of
from seaformer_edge.live.stats import SourceState
from seaformer_edge.machine.board import SystemReading
from seaformer_edge.web.access import COOKIE_AGE_S, Access
from seaformer_edge.web.connections import MAX_BODY, Server
from seaformer_edge.web.controls import Controls
from seaformer_edge.web.metrics import CONTENT_TYPE, metrics_text
from seaformer_edge.web.pictures import MASK, SNAPSHOT, Kind, Pictures
from seaformer_edge.web.stream import send_stream

MAX_STREAMS = 32
WRONG_TOKEN_S = 1.0
JOIN_S = 1.5

# Nothing of other servers is loaded, no other page can show this one or read from it.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        " img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with none, forms would be sent as from nowhere
    "X-Content-Type-Options": "nosniff",
}
FILES = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/zones.js": ("zones.js", "text/javascript"),
}
LOGIN = "login.html"
WRONG = "<!-- wrong -->"
OPEN = {"/page.css", "/healthz", "/login"}
"""Paths that need no token."""

log = logging.getLogger(__name__)

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class WebServer:
    """Serves a page of a live run, from entering the `with` block until its end.

    Args:
        listener: where to listen; closed at the end.
        controls: what the page may change.
        access: who may talk to the server.
        board: the last reading of the board.
    """

    def __init__(
        self,
        pipeline: LivePipeline,
        listener: socket.socket,
        controls: Controls,
        access: Access,
        board: Callable[[], SystemReading | None] = lambda: None,
    ) -> None:
        self._pipeline = pipeline
        self._listener = listener
        self._controls = controls
        self._access = access
        self._board = board
        page = files(__package__) / "page"
        self._files = {
            path: ((page / name).read_bytes(), kind) for path, (name, kind) in FILES.items()
        }
        self._login = (page / LOGIN).read_text("utf-8")
        self._answers: dict[tuple[str, str], Answer] = {
            **{("GET", path): self._file for path in FILES},
            ("POST", "/login"): self._log_in,
            ("GET", "/healthz"): self._health,
            ("GET", "/metrics"): self._metrics,
            ("GET", "/stream.mjpg"): self._stream,
            ("GET", "/api/status"): self._status,
            ("GET", "/api/choices"): self._choices,
            ("GET", "/api/zones"): self._zones,
            ("POST", "/api/control"): self._control,
            ("GET", "/api/snapshot.jpg"): self._snapshot,
            ("GET", "/api/mask.png"): self._mask,
        }
        self._streams = 0
        self._pictures_sent = 0
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._ready = threading.Event()
        # Set in the server's thread before it is ready.
        self._loop: asyncio.AbstractEventLoop
        self._ended: asyncio.Event
        self._server: Server
        self._pictures: Pictures

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *error: object) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(JOIN_S)

    def abort(self) -> None:
        """Cuts every connection; clients connect again."""
        self._loop.call_soon_threadsafe(self._server.abort)

    # The server's thread.

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception:  # a defect must not end the run
            log.exception("the page's server has ended")
        finally:
            self._listener.close()
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_log_defect)
        self._ended = asyncio.Event()
        self._server = Server(self._handle)
        self._pictures = Pictures(self._pipeline, self._controls.view_of)
        runner = web.ServerRunner(self._server, shutdown_timeout=0.1)
        try:
            await runner.setup()
            await web.SockSite(runner, self._listener).start()
            self._ready.set()
            await self._ended.wait()
        finally:
            self._pictures.close()
            self._server.abort()
            await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            response = await self._answer(request)
        except web.HTTPException as error:  # of aiohttp: an oversized body
            response = _problem(error.status, f"{error.reason}: at most {MAX_BODY} bytes")
        except (ConnectionError, web.RequestPayloadError):  # the client is gone
            response = _problem(400, "the request is not whole")
        except SeaformerEdgeError as error:
            response = _problem(400, str(error))
        except Exception:
            log.exception("%s %s", request.method, request.path[:200])
            response = _problem(500, "a fault of the server, which its log tells")
        if not response.prepared:
            self._finish(response)
        return response

    def _finish(self, response: web.StreamResponse) -> None:
        response.headers.update(HEADERS)
        response.force_close()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if (problem := self._access.problem(request.headers)) is not None:
            return _problem(403, problem)
        if path not in OPEN and not self._access.allows(request.headers, request.cookies):
            if path == "/":
                return web.Response(status=401, text=self._login, content_type="text/html")
            response = _problem(401, "send the token, as Authorization: Bearer TOKEN")
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        method = "GET" if request.method == "HEAD" else request.method
        if (answer := self._answers.get((method, path))) is not None:
            return await answer(request)
        allowed = [known for known, of in self._answers if of == path]
        if not allowed:
            return _problem(404, "there is nothing at this address")
        response = _problem(405, f"this address takes {allowed[0]}")
        response.headers["Allow"] = allowed[0]
        return response

    async def _file(self, request: web.BaseRequest) -> web.StreamResponse:
        content, kind = self._files[request.path]
        return web.Response(body=content, content_type=kind, charset="utf-8")

    async def _log_in(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.content_type != "application/x-www-form-urlencoded":
            return _problem(415, "send the form of the page")
        form = parse_qs((await request.read()).decode("latin-1"))
        (token,) = form.get("token", [""])[:1]
        if not self._access.needs_token or self._access.is_token(token.strip()):
            response = web.Response(status=303, headers={"Location": "/"})
            response.set_cookie(
                self._access.cookie,
                self._access.session,
                max_age=COOKIE_AGE_S,
                httponly=True,
                samesite="Lax",
            )
            return response
        await asyncio.sleep(WRONG_TOKEN_S)
        text = self._login.replace(WRONG, '<p class="error" role="alert">Wrong token</p>')
        return web.Response(status=401, text=text, content_type="text/html")

    async def _health(self, request: web.BaseRequest) -> web.StreamResponse:
        status = self._pipeline.status()
        healthy = status.source_state is SourceState.RUNNING and status.model is not None
        text = "running" if healthy else "no model" if status.model is None else status.source_state
        return web.Response(status=200 if healthy else 503, text=f"{text}\n")

    async def _metrics(self, request: web.BaseRequest) -> web.StreamResponse:
        text = metrics_text(
            self._pipeline.status(), self._board(), self._streams, self._pictures_sent
        )
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def _status(self, request: web.BaseRequest) -> web.StreamResponse:
        status, result = self._pipeline.status(), self._pipeline.newest()
        view, zones = self._controls.view, self._controls.zones
        record = record_of(status, self._board(), result) | {
            "loading": status.loading,
            "paused": status.paused,
            "mode": view.mode,
            "opacity": view.opacity,
            "columns": view.columns,
            "chosen_classes": sorted(self._controls.classes),
            "can_record": self._controls.can_record,
            "stream_clients": self._streams,
            "zones": {} if zones is None else zones.largest_shares(),
            "zone_changes": 0 if zones is None else zones.changes,
            "can_draw_zones": self._controls.can_draw_zones,
            "events": [] if zones is None else zones.events,
        }
        return _json(record)

    async def _choices(self, request: web.BaseRequest) -> web.StreamResponse:
        choices = await asyncio.to_thread(self._controls.models)
        result = self._pipeline.newest()
        card = None if result is None else result.card
        classes: list[dict[str, Any]] = []
        if card is not None and card.task == "segmentation":
            classes = [
                {"class": name, "colour": list(colour)}
                for name, colour in zip(card.classes, card.palette, strict=True)
            ]
        return _json(
            {
                "model": None if card is None else card.name,
                "classes": classes,
                "models": [asdict(choice) for choice in choices],
                "modes": [
                    {"mode": mode, "label": mode.label, "detail": mode.description} for mode in Mode
                ],
            }
        )

    async def _zones(self, request: web.BaseRequest) -> web.StreamResponse:
        zones = self._controls.zones
        return _json({"zones": msgspec.to_builtins(() if zones is None else zones.zones)})

    async def _control(self, request: web.BaseRequest) -> web.StreamResponse:
        # Another page cannot send this type without asking first, which is refused.
        if request.content_type != "application/json":
            return _problem(415, "send JSON, as Content-Type: application/json")
        body = await request.read()
        try:
            await asyncio.to_thread(self._controls.apply, body)
        finally:
            self._pictures.view_changed()
        return await self._status(request)

    async def _snapshot(self, request: web.BaseRequest) -> web.StreamResponse:
        return await self._picture(SNAPSHOT, "image/jpeg", "there is no picture yet")

    async def _mask(self, request: web.BaseRequest) -> web.StreamResponse:
        return await self._picture(MASK, "image/png", "there are no class ids: no segmenter runs")

    async def _picture(self, kind: Kind, content_type: str, none: str) -> web.StreamResponse:
        if self._pipeline.newest() is None:
            return _problem(503, "there is no picture yet")
        picture = await self._pictures.other_than(None, kind)
        if picture.data is None:
            return _problem(503, none)
        return web.Response(body=picture.data, content_type=content_type)

    async def _stream(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._streams >= MAX_STREAMS:
            return _problem(503, f"{MAX_STREAMS} clients receive the stream already; try later")
        response = web.StreamResponse()
        self._finish(response)
        transport = self._server.stream(request)
        if request.method == "HEAD" or transport is None:
            return response
        self._streams += 1
        try:
            await send_stream(request, transport, response, self._pictures, self._count)
        except ConnectionError:  # the client is gone
            transport.abort()
        finally:
            self._streams -= 1
        return response

    def _count(self) -> None:
        self._pictures_sent += 1


def _json(content: object, status: int = 200) -> web.Response:
    text = json.dumps(content, ensure_ascii=False) + "\n"
    return web.Response(status=status, text=text, content_type="application/json")


def _problem(status: int, text: str) -> web.Response:
    return _json({"error": text}, status)


def _log_defect(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """In one line: for example that no file descriptor is left for a new connection."""
    log.warning("%s (%s)", context["message"], context.get("exception"))
