"""A server of a live run with a fake network, on a free port of this machine, and its clients."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fakes import CARD, FAKE, PATIENCE_S, wait_until

from seaformer_edge.inference.views import View
from seaformer_edge.live import LivePipeline
from seaformer_edge.live.zone_watch import ZoneWatch

pytest.importorskip("aiohttp", reason="the page needs aiohttp (extra: serve)")

from seaformer_edge.web.access import Access
from seaformer_edge.web.address import Address, listen
from seaformer_edge.web.controls import Controls
from seaformer_edge.web.server import WebServer

QUICK = "synthetic:96x64@100"


@dataclass
class Reply:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Site:
    """A running server, and requests to it."""

    pipeline: LivePipeline
    controls: Controls
    server: WebServer
    port: int

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """Sends a request; `_` in the names of headers stands for `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            response = connection.getresponse()
            return Reply(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        return self.request("GET", path, **headers)

    def change(self, **change: object) -> Reply:
        body = json.dumps(change).encode()
        return self.request("POST", "/api/control", body, Content_Type="application/json")

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE_S)


Serve = Callable[..., AbstractContextManager[Site]]


@contextmanager
def serving(
    source: str = QUICK,
    token: str | None = None,
    folder: Path | None = None,
    model: Path = FAKE,
    zone_file: Path | None = None,
) -> Iterator[Site]:
    listener = listen(Address("127.0.0.1", 0))
    port = listener.getsockname()[1]
    with LivePipeline(source, model, displayed=False) as pipeline:
        zones = ZoneWatch(pipeline.newest, (), lambda event, record: None)
        controls = Controls(pipeline, model, CARD, View(), folder, zones, zone_file)
        access = Access(token, "127.0.0.1", port)
        with WebServer(pipeline, listener, controls, access) as server:
            site = Site(pipeline, controls, server, port)
            wait_until(lambda: (r := pipeline.newest()) is not None and r.card is not None)
            zones.start()
            try:
                yield site
            finally:
                zones.stop()
