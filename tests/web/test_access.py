"""Tokens, hosts and origins."""

from __future__ import annotations

import socket
from base64 import b64encode
from pathlib import Path
from urllib.parse import urlencode

import pytest
from web_site import Serve

from seaformer_edge.errors import SinkError
from seaformer_edge.web.access import Access, make_token, read_token

TOKEN = "correct-horse-battery"
PATHS = ("/", "/page.js", "/stream.mjpg", "/api/status", "/api/mask.png", "/metrics", "/nothing")


def test_without_the_token_nothing_is_shown(serve: Serve) -> None:
    with serve(token=TOKEN) as site:
        for path in PATHS:
            for header in ("", "Bearer wrong", "Bearer", "Basic !", f"Bearer {TOKEN}x", TOKEN):
                reply = site.get(path, Authorization=header)
                assert reply.status == 401
                assert b"synthetic" not in reply.body
        assert site.change(paused=True).status == 401
        assert not site.pipeline.status().paused


def test_the_token_is_taken_as_a_header(serve: Serve) -> None:
    basic = b64encode(f"anybody:{TOKEN}".encode()).decode()
    with serve(token=TOKEN) as site:
        for header in (f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Basic {basic}"):
            assert site.get("/api/status", Authorization=header).status == 200


def test_the_token_is_never_taken_from_the_address(serve: Serve) -> None:
    with serve(token=TOKEN) as site:
        assert site.get(f"/api/status?token={TOKEN}").status == 401


def test_the_login_form_sets_a_cookie_that_scripts_cannot_read(serve: Serve) -> None:
    with serve(token=TOKEN) as site:
        form = {"Content_Type": "application/x-www-form-urlencoded"}
        assert b'name="token"' in site.get("/").body
        wrong = site.request("POST", "/login", b"token=wrong", **form)
        assert wrong.status == 401
        assert b"Wrong token" in wrong.body
        assert site.request("POST", "/login", b"token=\xbc&token", **form).status == 401
        right = site.request("POST", "/login", urlencode({"token": TOKEN}).encode(), **form)
        assert right.status == 303
        cookie = right.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert TOKEN not in cookie
        assert site.get("/api/status", Cookie=cookie.partition(";")[0]).status == 200
        assert site.get("/api/status", Cookie=f"seaformer-edge-{site.port}=x").status == 401


def test_other_pages_and_other_hosts_are_refused(serve: Serve) -> None:
    with serve() as site:
        own = f"127.0.0.1:{site.port}"
        assert site.get("/api/status", Origin=f"http://{own}").status == 200
        assert site.get("/api/status", Host=f"localhost:{site.port}").status == 200
        for headers in (
            {"Host": "rebound.example"},
            {"Host": ""},
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": f"http://127.0.0.1:{site.port + 1}"},
            {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"},
        ):
            assert site.get("/stream.mjpg", **headers).status == 403


def test_this_machines_names_are_accepted() -> None:
    access = Access(None, "Cam.Example", 8000)
    name = socket.gethostname().removesuffix(".local")
    hosts = ("cam.example:80", "localhost", name, f"{name}.local:8000", "10.0.0.7:1", "[::1]:8000")
    for host in hosts:
        assert access.problem({"Host": host}) is None, host
    for host in ("evil.example", "cam.example.evil.example", "127.0.0.1.evil.example", "a b"):
        assert access.problem({"Host": host}) is not None, host


def test_a_cookie_outlives_a_restart_with_the_same_token_only() -> None:
    before = Access(TOKEN, "localhost", 8000)
    cookies = {before.cookie: before.session}
    assert Access(TOKEN, "localhost", 8000).allows({}, cookies)
    assert not Access(make_token(), "localhost", 8000).allows({}, cookies)


def test_tokens_of_files(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    assert read_token(path) == TOKEN
    for content in (b"", b"short", b"two words of a token", b"\xff\x00" * 20, b"x" * 5000):
        path.write_bytes(content)
        with pytest.raises(SinkError, match="16 to 1024"):
            read_token(path)
    with pytest.raises(SinkError, match="cannot be read"):
        read_token(tmp_path / "absent")
