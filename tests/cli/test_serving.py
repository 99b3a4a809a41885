"""`seaformer-edge live --serve`."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import sys
from pathlib import Path

import pytest
from fake_command import run
from test_segment import PATIENCE_S, _start

SCENE = "synthetic:96x64@30"

pytest.importorskip("aiohttp", reason="needs the extra serve")


def _get(port: str, path: str, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=PATIENCE_S)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("options", "printed", "without_token"),
    [
        (("127.0.0.1:0",), r"http://127\.0\.0\.1:(\d+)/()\n", 200),
        (("0.0.0.0:0",), r"http://\S+:(\d+)/ with the token (\S{22})\n", 401),
        (("0.0.0.0:0", "--no-auth"), r"http://\S+:(\d+)/()\n", 200),
    ],
)
def test_the_page_is_served_until_a_signal(
    options: tuple[str, ...], printed: str, without_token: int
) -> None:
    with _start(0, "live", SCENE, "--serve", *options) as process:
        assert process.stderr is not None
        line = re.fullmatch(f"seaformer-edge: page at {printed}", process.stderr.readline())
        assert line is not None
        port, token = line.groups()
        assert _get(port, "/") == without_token
        assert _get(port, "/api/status", Authorization=f"Bearer {token}") == 200
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (130, "")


def test_a_token_of_a_file_is_not_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = tmp_path / "token"
    token.write_text("correct-horse-battery\n")
    picture = tmp_path / "missing.mp4"
    assert run("live", picture, "--serve", "0.0.0.0:0", "--token-file", token) == 1
    assert "correct-horse" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("--serve", SCENE), 2, "is not HOST:PORT, as 127.0.0.1:8000; without HOST:PORT, write"),
        ((SCENE, "--serve", "localhost"), 2, "is not HOST:PORT"),
        ((SCENE, "--no-auth"), 2, "--no-auth needs --serve"),
        ((SCENE, "--token-file", "t"), 2, "--token-file needs --serve"),
        ((SCENE, "--serve", "--token-file", "t", "--no-auth"), 2, "not both"),
        ((SCENE, "--serve", "192.0.2.7:0"), 1, "192.0.2.7:0: this machine has no such address"),
        ((SCENE, "--serve", "--token-file", "/missing"), 1, "/missing: cannot be read"),
    ],
)
def test_wrong_options_are_told_in_a_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, expected: str
) -> None:
    assert run("live", *arguments) == code
    assert expected in capsys.readouterr().err.splitlines()[-1]


def test_a_taken_port_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        assert run("live", SCENE, "--serve", address) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"seaformer-edge: {address}: another program uses it")


def test_without_the_extra_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    assert run("live", SCENE, "--serve") == 1
    assert f"{sys.executable} -m pip install 'seaformer-edge[serve]'" in capsys.readouterr().err
