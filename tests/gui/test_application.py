"""The application as a user runs it: on an X server, with a network camera, keys and a mouse.

The screen's content is read from the X server's memory.
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
FRAME_WIDTH, FRAME_HEIGHT = 96, 64  # of the camera's frames
# Positions in the window, (left, top, width, height).
PICTURE_AREA = (8, 57, 721, 419)
RATES = {"camera": (19, 508, 50, 26), "inference": (78, 508, 60, 26), "display": (148, 508, 47, 26)}
LATENCY = (223, 508, 42, 26)
PLOT = (325, 509, 109, 74)
CLASSES = (746, 278, 259, 189)
OVERLAY, MASK = (774, 84), (828, 84)


class Desktop:
    """A virtual screen with one window on it."""

    def __init__(self, folder: Path) -> None:
        self._memory = folder / "Xvfb_screen0"
        command = ["Xvfb", "-displayfd", "1", "-screen", "0", f"{WIDTH}x{HEIGHT}x24"]
        command += ["-fbdir", str(folder), "-nolisten", "tcp"]
        # A reset after the last client would drop a client that connects at that moment.
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

    def do(self, *arguments: object) -> str:
        """Runs an xdotool command, which moves the mouse or presses keys."""
        command = ["xdotool", *map(str, arguments)]
        environment = os.environ | {"DISPLAY": self.display}
        run = subprocess.run(command, env=environment, capture_output=True, text=True)
        return run.stdout.strip()

    def screen(self) -> np.ndarray:
        """The screen, (H, W, 3) uint8 RGB, read from the server's XWD file."""
        data = self._memory.read_bytes()
        header = np.frombuffer(data[:100], ">u4")
        start, stride = int(header[0] + 12 * header[19]), int(header[12])
        rows = np.frombuffer(data, np.uint8, HEIGHT * stride, start).reshape(HEIGHT, stride)
        return rows[:, : WIDTH * 4].reshape(HEIGHT, WIDTH, 4)[..., 2::-1]

    def part(self, area: tuple[int, int, int, int]) -> np.ndarray:
        left, top, width, height = area
        return self.screen()[top : top + height, left : left + width]

    def picture(self) -> np.ndarray:
        """The frame on the screen, scaled back to its size."""
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
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    yield process
    if process.poll() is None:
        process.kill()
        process.wait()
    assert (tmp_path / "output").read_text() == ""


def opened(desktop: Desktop) -> None:
    """Waits for the window and makes it fill the screen."""
    found: list[str] = []

    def appeared() -> bool:
        found[:] = desktop.do("search", "--onlyvisible", "--name", "SeaFormer").split()
        return bool(found)

    wait_until(appeared)
    desktop.do("windowmove", found[-1], 0, 0, "windowsize", found[-1], WIDTH, HEIGHT)
    desktop.do("windowfocus", "--sync", found[-1])


def ink(part: np.ndarray) -> float:
    """The share of pixels that are as light as text."""
    return float((part.min(axis=2) > 150).mean())


def counted(desktop: Desktop) -> int:
    """The frame counter in the picture on the screen."""
    return read_counter(np.ascontiguousarray(desktop.picture()))


def moves(desktop: Desktop) -> bool:
    """Whether the frame counter increases."""
    before = counted(desktop)
    time.sleep(0.3)
    return counted(desktop) > before


def rgb(colour: str) -> np.ndarray:
    """ "#rrggbb" as three numbers."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])


def near(part: np.ndarray, colour: np.ndarray, distance: int) -> int:
    """The number of pixels within a distance of a colour."""
    return int((np.abs(part.astype(int) - colour).max(axis=2) < distance).sum())


def test_using_the_window(
    application: subprocess.Popen[bytes], desktop: Desktop, camera: MjpegServer, tmp_path: Path
) -> None:
    opened(desktop)
    desktop.key("5")
    wait_until(lambda: moves(desktop))

    # In the mask, nearly every pixel has the colour of a class.
    palette = np.array(read_card(resolve_model(None)).palette)

    def share_of_class_colours() -> float:
        away = np.abs(desktop.picture()[:, :, None].astype(int) - palette).max(axis=3).min(axis=2)
        return float((away <= 2).mean())

    assert share_of_class_colours() < 0.3
    desktop.click(*MASK)
    wait_until(lambda: share_of_class_colours() > 0.8)
    # The overlay is between frame and mask; opacity moves it towards the mask.
    desktop.click(*OVERLAY)
    wait_until(lambda: share_of_class_colours() < 0.5)
    for _ in range(5):
        desktop.key("bracketright")
    wait_until(lambda: share_of_class_colours() > 0.8)
    # Side by side, the picture is half as high, so this pixel is canvas now.
    desktop.key("3")
    canvas = rgb(theme.COLOURS[Theme.DARK].canvas)
    wait_until(lambda: (desktop.part(PICTURE_AREA)[5, 300] == canvas).all())
    desktop.key("4")
    wait_until(lambda: (desktop.part(PICTURE_AREA)[5, 300] != canvas).any())
    assert share_of_class_colours() < 0.5

    # Figures, bars and the curve of the plot are drawn.
    for name, area in {**RATES, "latency": LATENCY}.items():
        wait_until(lambda area=area: ink(desktop.part(area)) > 0.03)
        assert ink(desktop.part(area)) < 0.6, name
    accent = rgb(theme.COLOURS[Theme.DARK].accent)
    for area in (PLOT, CLASSES):
        wait_until(lambda area=area: near(desktop.part(area), accent, 30) > 40)

    # A lost camera is reported instead of its last picture, and shown again once it is back.
    desktop.key("5")
    colour = rgb(theme.COLOURS[Theme.DARK].warning)

    def shows_error() -> bool:
        picture = desktop.part(PICTURE_AREA)
        is_empty = near(picture, canvas, 2) > 0.9 * picture[..., 0].size
        return is_empty and near(picture, colour, 8) > 60

    assert not shows_error()
    camera.mode = "cut"
    cut_s = time.monotonic()
    wait_until(shows_error)
    assert time.monotonic() - cut_s < 10  # the goal is two seconds; the machine may be busy
    desktop.key("2")  # the window still reacts
    camera.mode = "live"
    wait_until(lambda: share_of_class_colours() > 0.6)
    assert not shows_error()
    desktop.key("5")
    wait_until(lambda: moves(desktop))

    # It ends on SIGTERM.
    application.send_signal(signal.SIGTERM)
    assert application.wait(20) == 0
    written = (tmp_path / "home").rglob("*.conf")
    assert any("mode=original" in path.read_text() for path in written)
