"""The page in the place of the picture, while the source gives none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from clips import numbered, write_video
from fakes import PATIENCE_S
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QFileDialog
from pytestqt.qtbot import QtBot

from seaformer_edge_gui.window import Window


def wait(qtbot: QtBot, condition: Callable[[], object]) -> None:
    qtbot.waitUntil(lambda: bool(condition()), timeout=round(PATIENCE_S * 1e3))


def click(qtbot: QtBot, button: QAbstractButton) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_source_that_fails_leaves_no_picture_and_no_figures_of_the_last_one(
    window: Window, qtbot: QtBot, tmp_path: Path
) -> None:
    page, clip = window.no_signal, tmp_path / "clip.mp4"
    wait(qtbot, lambda: not page.isVisible())
    window.controller.set_source(str(clip))
    wait(qtbot, lambda: page.isVisible() and page.heading.text() == "No signal")
    assert f"{clip}: no such file" in page.reason.text()
    assert page.geometry() == window.picture.rect()
    assert window.picture._result is None
    assert window.controller.describe_pixel(5, 5) is None
    assert not window.controller.rows(9)
    figures = [window.metrics.latency, *window.metrics.percentiles.values()]
    assert not any(figure.number.text()[0].isdigit() for figure in figures)
    assert not window.banner.isVisible()
    click(qtbot, window.tool_bar.snapshot)
    wait(qtbot, lambda: "no picture" in window.banner.text.text())

    write_video(clip, [numbered(i) for i in range(9)])
    click(qtbot, page.retry)
    wait(qtbot, lambda: not page.isVisible() and window.picture._result is not None)
    result = window.picture._result
    assert result is not None
    assert result.frame.image.shape == (48, 64, 3)


def test_another_source_is_opened_from_the_page(
    window: Window, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.controller.set_source("missing.mp4")
    wait(qtbot, lambda: window.no_signal.retry.isVisible())
    asked = []
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: asked.append(1) or ("", ""))
    click(qtbot, window.no_signal.open)
    assert asked
