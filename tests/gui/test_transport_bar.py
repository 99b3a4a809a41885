"""The bar below the picture of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
pytest.importorskip("pytestqt")

from clips import number, numbered, write_video
from fakes import PATIENCE_S
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from seaformer_edge.live.stats import Position
from seaformer_edge_gui.formatting import clock
from seaformer_edge_gui.transport_bar import TransportBar
from seaformer_edge_gui.window import Window

COUNT, RATE = 28, 2  # 14 s

pytestmark = pytest.mark.usefixtures("no_widget_left")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.mp4", [numbered(i) for i in range(COUNT)], rate=RATE)


def wait(qtbot: QtBot, condition) -> None:
    qtbot.waitUntil(condition, timeout=round(PATIENCE_S * 1e3))


def shown(window: Window) -> int:
    """The number in the picture; -1 without one."""
    result = window.picture._result
    return -1 if result is None else number(result.frame.image)


def play(window: Window, qtbot: QtBot, source: Path) -> None:
    window.controller.set_source(str(source))
    wait(qtbot, lambda: window.controller.status().source == str(source))
    wait(qtbot, window.transport.isVisible)


def test_a_video_is_searched_and_stepped_through(window: Window, qtbot: QtBot, clip: Path) -> None:
    bar = window.transport
    assert not bar.isVisible()
    play(window, qtbot, clip)
    assert not bar.picture_time.isVisible()
    at = QPoint(round(bar.slider.width() * 0.5), bar.slider.height() // 2)
    qtbot.mouseClick(bar.slider, Qt.MouseButton.LeftButton, pos=at)
    wait(qtbot, lambda: 11 <= shown(window) <= 18)
    qtbot.keyClick(window, ",")
    wait(qtbot, lambda: window.controller.status().paused)
    qtbot.keyClick(window, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    wait(qtbot, lambda: 0 <= shown(window) <= 8)
    first = shown(window)
    qtbot.mouseClick(bar.next, Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: shown(window) == first + 1)
    qtbot.mouseClick(bar.previous, Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: shown(window) == first)
    wait(qtbot, lambda: bar.time.text() == f"{clock(first / RATE, hundredths=True)} / 0:14")
    assert bar.slider.value() == first / RATE * 1000
    window.toggle_full()
    assert not bar.isVisible()
    window.toggle_full()
    window.controller.set_source("synthetic:96x64@50")
    wait(qtbot, lambda: not bar.isVisible())


def test_a_video_ends_unless_it_loops(window: Window, qtbot: QtBot, clip: Path) -> None:
    qtbot.keyClick(window, "l")
    assert not window.controller.settings.loop
    play(window, qtbot, clip)
    qtbot.keyClick(window, "u")
    wait(qtbot, lambda: window.tool_bar.pause.toolTip() == "Resume (P)")
    assert not window.controller.status().paused
    assert shown(window) == COUNT - 1
    qtbot.keyClick(window, "u")
    qtbot.keyClick(window, "p")
    wait(qtbot, lambda: 0 <= shown(window) < 5)
    wait(qtbot, lambda: window.tool_bar.pause.toolTip() == "Pause (P)")


def test_another_model_runs_on_the_paused_frame(
    window: Window, qtbot: QtBot, clip: Path, tmp_path: Path
) -> None:
    play(window, qtbot, clip)
    qtbot.keyClick(window, "p")
    wait(qtbot, lambda: window.controller.status().paused)
    window.controller._live._stats.wait_idle(PATIENCE_S)
    (tmp_path / "classifier.pte").touch()
    window.controller.open_file(tmp_path / "classifier.pte")
    wait(qtbot, lambda: window.side.classes.unit.text() == "probability")


def test_pictures_are_shown_one_by_one(window: Window, qtbot: QtBot, folder: Path) -> None:
    bar = window.transport
    play(window, qtbot, folder)
    wait(qtbot, lambda: shown(window) == 0)
    assert bar.picture_time.currentText() == "3 s"
    bar.picture_time.choose(30.0)
    bar.picture_time.activated.emit(bar.picture_time.currentIndex())
    assert window.controller.settings.picture_s == 30.0
    for key, expected in ((".", 1), (".", 2), (",", 1)):
        qtbot.keyClick(window, key)
        wait(qtbot, lambda expected=expected: shown(window) == expected)
    wait(qtbot, lambda: bar.time.text() == "2 / 4" and bar.name.text() == "1")
    assert bar.next.toolTip() == "Next picture (.)"
    bar.slider.setValue(3)
    wait(qtbot, lambda: shown(window) == 3)
    window.controller.set_source(str(folder / "2.png"))
    wait(qtbot, lambda: shown(window) == 2)
    wait(qtbot, lambda: not bar.isVisible())
    wait(qtbot, lambda: not window.banner.isVisible())


def test_a_position_that_is_dragged_is_not_moved_back(qtbot: QtBot) -> None:
    bar = TransportBar()
    qtbot.addWidget(bar)
    bar.show_position(Position(1.0, 10.0))
    bar.show()
    asked: list[float] = []
    bar.seek_requested.connect(asked.append)
    middle = QPoint(bar.slider.width() // 2, bar.slider.height() // 2)
    QTest.mousePress(bar.slider, Qt.MouseButton.LeftButton, pos=middle)
    dragged = bar.slider.value()
    assert asked == [dragged / 1e3]
    assert 4000 < dragged < 6000
    bar.show_position(Position(1.2, 10.0))
    assert bar.slider.value() == dragged
    QTest.mouseRelease(bar.slider, Qt.MouseButton.LeftButton, pos=middle)
    bar.show_position(Position(dragged / 1e3, 10.0))
    bar.show_position(Position(9.0, None))
    assert bar.time.text() == "0:09.00 / ?"
    assert asked == [dragged / 1e3]


def test_times() -> None:
    assert [clock(s) for s in (0, 65.4, 7265)] == ["0:00", "1:05", "2:01:05"]
    assert [clock(s, hundredths=True) for s in (59.999, 1.04)] == ["1:00.00", "0:01.04"]
