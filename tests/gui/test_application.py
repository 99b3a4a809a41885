"""The application as a person starts it: on a screen, on a camera of the network, with a mouse.

What is on the screen is read out of the X server's own memory.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
pytest.importorskip("seaformer_edge._native", reason="the native part was not built")
for _tool in ("Xvfb", "xdotool"):
    if shutil.which(_tool) is None:
        pytest.skip(f"needs {_tool}", allow_module_level=True)

from fakes import wait_until
from mjpeg_server import MjpegServer

from seaformer_edge.hub.card import read_card
from seaformer_edge.hub.zoo import resolve_model
from seaformer_edge.sources.synthetic import read_counter
from seaformer_edge_gui import theme
from seaformer_edge_gui.settings import Theme

WIDTH, HEIGHT = 1024, 600
FRAME_WIDTH, FRAME_HEIGHT = 96, 64  # of the server's pictures
PATIENCE_S = 60.0
# Where things are in the window, (left, top, width, height).
PICTURE_AREA = (8, 42, 714, 446)
RATES = {"camera": (18, 524, 50, 26), "inference": (76, 524, 50, 26), "display": (140, 524, 50, 26)}
LATENCY = (216, 520, 60, 26)
PLOT = (356, 520, 140, 60)
BARS = (738, 160, 268, 150)


class Desktop:
    """A virtual screen with one window on it."""

    def __init__(self, folder: Path) -> None:
        self._memory = folder / "Xvfb_screen0"
        command = ["Xvfb", "-displayfd", "1", "-screen", "0", f"{WIDTH}x{HEIGHT}x24"]
        command += ["-fbdir", str(folder), "-nolisten", "tcp"]
        # Or it begins anew whenever its last client goes, and drops whoever comes just then.
        command.append("-noreset")
        self._server = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._server.stdout is not None
        self.display = f":{self._server.stdout.readline().strip()}"

    def close(self) -> None:
        self._server.terminate()
        self._server.wait(10)
        assert self._server.stdout is not None
        self._server.stdout.close()

    def do(self, *words: object) -> str:
        """Moves the mouse, presses keys: what xdotool can do."""
        command = ["xdotool", *map(str, words)]
        environment = os.environ | {"DISPLAY": self.display}
        run = subprocess.run(command, env=environment, capture_output=True, text=True)
        return run.stdout.strip()

    def screen(self) -> np.ndarray:
        """What is on the screen, (H, W, 3) RGB; the server keeps it in XWD format."""
        data = self._memory.read_bytes()
        header = np.frombuffer(data[:100], ">u4")
        start, stride = int(header[0] + 12 * header[19]), int(header[12])
        rows = np.frombuffer(data, np.uint8, HEIGHT * stride, start).reshape(HEIGHT, stride)
        return rows[:, : WIDTH * 4].reshape(HEIGHT, WIDTH, 4)[..., 2::-1]

    def part(self, area: tuple[int, int, int, int]) -> np.ndarray:
        left, top, width, height = area
        return self.screen()[top : top + height, left : left + width]

    def picture(self) -> np.ndarray:
        """What is shown of the frame, at its own size."""
        part = self.part(PICTURE_AREA)
        height, width = part.shape[:2]
        shown = round(height * FRAME_WIDTH / FRAME_HEIGHT)
        left = (width - shown) // 2
        inner = part[:, left : left + shown]
        return cv2.resize(inner, (FRAME_WIDTH, FRAME_HEIGHT), interpolation=cv2.INTER_AREA)

    def key(self, key: str) -> None:
        self.do("key", key)

    def click(self, x: int, y: int) -> None:
        self.do("mousemove", x, y, "click", 1)


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Desktop]:
    desktop = Desktop(tmp_path)
    yield desktop
    desktop.close()


@pytest.fixture
def camera() -> Iterator[MjpegServer]:
    with MjpegServer(rate=25) as server:
        yield server


@pytest.fixture
def application(
    desktop: Desktop, camera: MjpegServer, tmp_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    home = tmp_path / "home"
    home.mkdir()
    environment = os.environ | {
        "DISPLAY": desktop.display,
        "HOME": str(home),
        "QT_QPA_PLATFORM": "xcb",
        "XDG_CONFIG_HOME": str(home),
    }
    command = [sys.executable, "-m", "seaformer_edge", "demo", "--source", camera.url]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
    yield process
    if process.poll() is None:
        process.kill()
        process.wait()
    assert (tmp_path / "said").read_text() == ""


def opened(desktop: Desktop) -> None:
    """Waits for the window and lets it fill the screen."""
    found: list[str] = []

    def there() -> bool:
        found[:] = desktop.do("search", "--onlyvisible", "--name", "SeaFormer").split()
        return bool(found)

    wait_until(there, PATIENCE_S)
    desktop.do("windowmove", found[-1], 0, 0, "windowsize", found[-1], WIDTH, HEIGHT)
    desktop.do("windowfocus", "--sync", found[-1])


def ink(part: np.ndarray) -> float:
    """The share of a part of the window that is as light as text."""
    return float((part.min(axis=2) > 150).mean())


def counted(desktop: Desktop) -> int:
    """The number in the picture on the screen."""
    return read_counter(np.ascontiguousarray(desktop.picture()))


def moves(desktop: Desktop) -> bool:
    """Whether the picture's number goes up."""
    before = counted(desktop)
    time.sleep(0.3)
    return counted(desktop) > before


def rgb(colour: str) -> np.ndarray:
    """ "#rrggbb" as three numbers."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])


def near(part: np.ndarray, colour: np.ndarray, distance: int) -> int:
    """How many pixels are within a distance of a colour."""
    return int((np.abs(part.astype(int) - colour).max(axis=2) < distance).sum())


def test_a_person_at_the_window(
    application: subprocess.Popen[bytes], desktop: Desktop, camera: MjpegServer, tmp_path: Path
) -> None:
    opened(desktop)
    desktop.key("5")
    wait_until(lambda: moves(desktop), PATIENCE_S)

    # The mask: nearly everything has the colour of a class.
    palette = np.array(read_card(resolve_model(None)).palette)

    def of_classes() -> float:
        away = np.abs(desktop.picture()[:, :, None].astype(int) - palette).max(axis=3).min(axis=2)
        return float((away <= 2).mean())

    assert of_classes() < 0.3
    desktop.click(823, 65)
    wait_until(lambda: of_classes() > 0.8, PATIENCE_S)
    # The overlay lies between the two; opacity moves it towards the mask.
    desktop.click(768, 65)
    wait_until(lambda: of_classes() < 0.5, PATIENCE_S)
    for _ in range(5):
        desktop.key("bracketright")
    wait_until(lambda: of_classes() > 0.8, PATIENCE_S)
    # Side by side: half as high, so what was picture is canvas now.
    desktop.key("3")
    canvas = rgb(theme.COLOURS[Theme.DARK].canvas)
    wait_until(lambda: (desktop.part(PICTURE_AREA)[5, 300] == canvas).all(), PATIENCE_S)
    desktop.key("4")
    wait_until(lambda: (desktop.part(PICTURE_AREA)[5, 300] != canvas).any(), PATIENCE_S)
    assert of_classes() < 0.5

    # Numbers, bars and the plot's curve.
    for name, area in {**RATES, "latency": LATENCY}.items():
        wait_until(lambda area=area: ink(desktop.part(area)) > 0.03, PATIENCE_S)
        assert ink(desktop.part(area)) < 0.6, name
    accent = rgb(theme.COLOURS[Theme.DARK].accent)
    for area in (PLOT, BARS):
        wait_until(lambda area=area: near(desktop.part(area), accent, 30) > 40, PATIENCE_S)

    # The cable is pulled: the window says so, and shows the camera again when it is back.
    desktop.key("5")
    banner = (18, 44, 694, 60)
    colour = rgb(theme.COLOURS[Theme.DARK].warning)

    def shows_error() -> bool:
        return near(desktop.part(banner), colour, 8) > 600

    assert not shows_error()
    camera.mode = "cut"
    cut_s = time.monotonic()
    wait_until(shows_error, PATIENCE_S)
    assert time.monotonic() - cut_s < 10  # two seconds are the goal; this machine may be busy
    desktop.key("2")  # the window is alive
    wait_until(lambda: of_classes() > 0.6, PATIENCE_S)
    camera.mode = "live"
    wait_until(lambda: not shows_error(), PATIENCE_S)
    desktop.key("5")
    wait_until(lambda: moves(desktop), PATIENCE_S)

    # It ends when it is asked to.
    application.send_signal(signal.SIGTERM)
    assert application.wait(20) == 0
    written = (tmp_path / "home").rglob("*.conf")
    assert any("mode=original" in path.read_text() for path in written)
