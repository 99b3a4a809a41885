"""`check_display` with an X server that requires authentication."""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.machine import display
from seaformer_edge.machine.display import check_display

COOKIE = b"MIT-MAGIC-COOKIE-1", bytes(range(16))


@pytest.fixture
def cookies(tmp_path: Path) -> Path:
    """An Xauthority file with the server's cookie, for any host and display."""
    path = tmp_path / "cookies"
    fields = (b"", b"", *COOKIE)
    counted = b"".join(struct.pack(">H", len(field)) + field for field in fields)
    path.write_bytes(struct.pack(">H", 0xFFFF) + counted)
    return path


@pytest.fixture
def screen(cookies: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if shutil.which("Xvfb") is None:
        pytest.skip("needs Xvfb")
    # -terminate: the server ends when its last client disconnects.
    command = ["Xvfb", "-displayfd", "1", "-terminate", "-nolisten", "tcp", "-auth", str(cookies)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        for name in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("DISPLAY", f":{server.stdout.readline().strip()}")
        yield
        server.terminate()


@pytest.mark.usefixtures("screen")
def test_a_screen_that_refuses_this_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XAUTHORITY", str(tmp_path / "none"))
    with pytest.raises(SeaformerEdgeError, match="refuses this user"):
        check_display()
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("screen")
def test_a_screen_for_this_user(cookies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PySide6.QtWidgets", reason="needs the window's libraries")
    monkeypatch.setenv("XAUTHORITY", str(cookies))
    check_display()


@pytest.mark.usefixtures("screen")
def test_the_check_does_not_end_a_server_without_other_clients(
    cookies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("PySide6.QtWidgets", reason="needs the window's libraries")
    monkeypatch.setenv("XAUTHORITY", str(cookies))
    accepts = display._accepts

    def accepts_late(name: str) -> bool:
        time.sleep(0.5)  # a server that lost its last client would have ended
        return accepts(name)

    monkeypatch.setattr(display, "_accepts", accepts_late)
    check_display()
    time.sleep(0.5)
    check_display()
