"""The window itself, without a screen: what is pressed reaches the run, what runs is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
pytest.importorskip("pytestqt")

from clips import numbered, write_video
from fakes import CARD, PATIENCE_S, FakeModels
from gui_results import QUICK, segmented
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QColor, QDesktopServices, QDragEnterEvent, QDropEvent, QEnterEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QListView,
    QScrollBar,
    QTabBar,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from seaformer_edge.inference.modes import Mode
from seaformer_edge.live import LiveResult
from seaformer_edge.machine.board import SystemReading
from seaformer_edge.sources import SourceInfo
from seaformer_edge_gui import theme
from seaformer_edge_gui.arrangement import Arrangement, Kind
from seaformer_edge_gui.class_list import CLASS_ROLE, ClassList
from seaformer_edge_gui.class_panel import ClassPanel
from seaformer_edge_gui.controls import Chooser
from seaformer_edge_gui.messages import Message
from seaformer_edge_gui.metrics_panel import board_rows
from seaformer_edge_gui.model_choices import ModelChoice
from seaformer_edge_gui.picture_view import RECORDING, PictureView
from seaformer_edge_gui.ranking import Row
from seaformer_edge_gui.recordings import Recorded
from seaformer_edge_gui.settings import Theme, load
from seaformer_edge_gui.window import Window

pytestmark = [
    pytest.mark.usefixtures("no_widget_left"),
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore(
        "This plugin does not support"
    ),  # a warning of the offscreen platform
]


def wait(qtbot: QtBot, condition) -> None:
    qtbot.waitUntil(condition, timeout=round(PATIENCE_S * 1e3))


def grabbed(widget: QWidget) -> np.ndarray:
    """A screenshot of the widget, (H, W, 3) uint8 RGB."""
    image = widget.grab().toImage()
    # Not Qt's conversion, which keeps threads for half a minute.
    assert image.depth() == 32
    pixels = np.frombuffer(image.constBits(), np.uint8)
    return pixels.reshape(image.height(), image.width(), 4)[..., 2::-1].copy()


def colour_of_sky(window: Window) -> np.ndarray:
    """The colour on the screen inside an area of class 2."""
    result, placement = window.picture._result, window.picture.placement()
    assert result is not None
    assert result.segmentation is not None
    assert placement is not None
    sky = (result.segmentation.label_map == 2).astype(np.uint8)
    y, x = np.argwhere(cv2.erode(sky, np.ones((9, 9), np.uint8)))[0]
    scale = placement.height / 64
    row, column = placement.top + (y + 0.5) * scale, placement.left + (x + 0.5) * scale
    return grabbed(window.picture)[int(row), int(column)].astype(int)


def choose(box: Chooser, value: object) -> None:
    """Chooses an item as a user does."""
    box.choose(value)
    box.activated.emit(box.currentIndex())


def texts(classes: ClassList) -> list[str]:
    """What a screen reader says about each row."""
    role = Qt.ItemDataRole.AccessibleTextRole
    return [str(classes.index(row).data(role)) for row in range(classes.rowCount())]


def press(qtbot: QtBot, window: Window, *keys: Qt.Key, to: QWidget | None = None) -> None:
    for key in keys:
        qtbot.keyClick(to or window, key)


def test_view_modes(window: Window, qtbot: QtBot) -> None:
    window.controller.toggle_pause()
    wait(qtbot, lambda: window.banner.isVisible())
    shown, colours = {}, {}
    for mode in Mode:
        qtbot.mouseClick(window.side.modes[mode], Qt.MouseButton.LeftButton)
        assert window.controller.view.mode is mode
        qtbot.wait(50)
        shown[mode] = grabbed(window.picture).astype(int)
        if mode is not Mode.SIDE_BY_SIDE:
            colours[mode] = colour_of_sky(window)
    assert (colours[Mode.MASK] == CARD.palette[2]).all()
    half = (colours[Mode.ORIGINAL] + CARD.palette[2]) / 2
    assert np.abs(colours[Mode.OVERLAY] - half).max() <= 2
    outlined = (shown[Mode.EDGES] != shown[Mode.ORIGINAL]).any(axis=2).mean()
    assert 0.01 < outlined < 0.4


def test_side_by_side_shows_two_pictures(window: Window, qtbot: QtBot) -> None:
    press(qtbot, window, Qt.Key.Key_3)
    qtbot.wait(50)
    placement = window.picture.placement()
    assert placement is not None
    assert placement.columns == 2
    assert abs(placement.width / placement.height - 2 * 96 / 64) < 0.02


@pytest.mark.parametrize("mirrored", [False, True])
def test_names_stand_on_the_picture(window: Window, qtbot: QtBot, mirrored: bool) -> None:
    window.run.mirror.setChecked(mirrored)
    window.controller.toggle_pause()
    wait(qtbot, lambda: window.controller.status().paused)
    wait(qtbot, window.banner.isVisible)
    window._picture_timer.stop()
    view = window.picture
    with_names = grabbed(view).astype(int)
    press(qtbot, window, Qt.Key.Key_N)
    assert not window.controller.settings.names
    changed = (np.abs(grabbed(view).astype(int) - with_names) > 9).any(axis=2)
    result, placement = view._result, view.placement()
    assert result is not None
    assert result.prediction is not None
    assert placement is not None
    region = result.prediction.regions[0]
    x = 1 - region.x if mirrored else region.x
    row = placement.top + round(region.y * placement.height)
    column = placement.left + round(x * placement.width)
    assert changed[row - 8 : row + 8, column - 20 : column + 20].mean() > 0.8
    assert changed.mean() < 0.1
    press(qtbot, window, Qt.Key.Key_N)
    assert (grabbed(view) == with_names).all()


def test_opacity(window: Window, qtbot: QtBot) -> None:
    press(qtbot, window, Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketLeft)
    assert window.controller.view.opacity == pytest.approx(0.3)
    window.side.opacity.setValue(100)
    qtbot.wait(50)
    assert (colour_of_sky(window) == CARD.palette[2]).all()


def test_classes_are_chosen_in_the_list(window: Window, qtbot: QtBot) -> None:
    classes, view = window.side.classes.classes, window.side.classes.view
    wait(qtbot, lambda: classes.rowCount() == 3)
    press(qtbot, window, Qt.Key.Key_2)
    window._metrics_timer.stop()  # the order of the classes could change
    for name in ("red", "green"):
        row = next(i for i in range(3) if classes.index(i).data() == name)
        area = view.visualRect(classes.index(row))
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=area.center())
    assert window.controller.view.classes == {0, 1}
    qtbot.wait(50)
    assert (colour_of_sky(window) == 0).all()
    press(qtbot, window, Qt.Key.Key_A)
    assert window.controller.view.classes is None
    qtbot.wait(50)
    assert (colour_of_sky(window) == CARD.palette[2]).all()


def test_classes_are_chosen_by_keyboard(window: Window, qtbot: QtBot) -> None:
    classes, view = window.side.classes.classes, window.side.classes.view
    wait(qtbot, lambda: classes.rowCount() == 3)
    window._metrics_timer.stop()
    view.setFocus()
    view.setCurrentIndex(classes.index(0))
    press(qtbot, window, Qt.Key.Key_Down, Qt.Key.Key_Space, to=view)
    assert window.controller.view.classes == {classes.index(1).data(CLASS_ROLE).class_id}
    assert window.side.classes.show_all.isVisible()


def test_the_class_under_the_cursor_is_shown(window: Window, qtbot: QtBot) -> None:
    placement = window.picture.placement()
    assert placement is not None
    window.controller.toggle_pause()
    wait(qtbot, lambda: window.controller.status().paused)
    at = QPointF(placement.left + 30, placement.top + placement.height / 2)
    QApplication.sendEvent(window.picture, QEnterEvent(at, at, at))
    pixel = placement.frame_pixel(at.x(), at.y())
    assert pixel is not None
    result = window.picture._result
    assert result is not None
    assert result.segmentation is not None
    name = CARD.classes[result.segmentation.label_map[pixel[::-1]]]
    assert str(window.controller.describe_pixel(*pixel)).startswith(name)
    label_area = grabbed(window.picture)[int(at.y()) + 16 : int(at.y()) + 30, int(at.x()) + 20 :][
        :, :60
    ]
    background = np.array(QColor(theme.COLOURS[Theme.DARK].panel).getRgb()[:3])
    assert np.median(np.abs(label_area.astype(int) - background)) < 25


def test_a_touch_shows_the_class_below_it(window: Window, qtbot: QtBot) -> None:
    window.picture._cursor = None
    qtbot.mousePress(window.picture, Qt.MouseButton.LeftButton, pos=QPoint(200, 100))
    assert window.picture._cursor == QPointF(200, 100)


def test_metrics_are_shown(window: Window, qtbot: QtBot) -> None:
    metrics = window.metrics
    wait(qtbot, lambda: metrics.latency.number.text()[0].isdigit())
    for figure in metrics.rates.values():
        wait(qtbot, lambda figure=figure: float(figure.number.text()) > 1)
    p50, p90, p99 = (float(figure.number.text()) for figure in metrics.percentiles.values())
    assert 0 < p50 <= p90 <= p99
    wait(qtbot, lambda: "network" in metrics.stages.accessibleDescription())
    wait(qtbot, lambda: "memory" in metrics.board.accessibleDescription())
    status = window.controller.status()
    assert status.source in window.windowTitle()


def test_shares_are_shown(window: Window, qtbot: QtBot) -> None:
    classes = window.side.classes.classes
    wait(qtbot, lambda: "%" in texts(classes)[0])
    picture = grabbed(window.side.classes.view)
    accent = np.array(QColor(theme.COLOURS[Theme.DARK].accent).getRgb()[:3])
    assert (np.abs(picture.astype(int) - accent).max(axis=2) < 8).sum() > 50


def test_shortcuts_change_the_run(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    press(qtbot, window, Qt.Key.Key_P)
    wait(qtbot, lambda: window.controller.status().paused)
    wait(qtbot, lambda: window.banner.isVisible() and window.banner.text.text() == "Paused")
    press(qtbot, window, Qt.Key.Key_P)
    wait(qtbot, lambda: not window.controller.status().paused)
    press(qtbot, window, Qt.Key.Key_M)
    assert window.picture.placement().mirrored  # type: ignore[union-attr]
    press(qtbot, window, Qt.Key.Key_S)
    wait(qtbot, lambda: len(list(tmp_path.glob("*.png"))) == 3)
    press(qtbot, window, Qt.Key.Key_R)
    wait(qtbot, lambda: window.controller.status().recorded_frames > 2)
    wait(qtbot, lambda: window.tool_bar.record.toolTip() == "Stop recording (R)")
    press(qtbot, window, Qt.Key.Key_R)
    wait(qtbot, lambda: "Recorded" in window.banner.text.text())
    press(qtbot, window, Qt.Key.Key_U)
    assert window.controller.settings.full_speed


def test_a_recording_is_shown_over_the_picture(
    window: Window, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(window.run.recorded, Recorded.MASKS)
    window.toggle_full()
    before = grabbed(window.picture)
    press(qtbot, window, Qt.Key.Key_R)
    wait(qtbot, lambda: window.picture._recording.startswith("REC  0:01"))
    assert window.picture._recording.endswith(" left")
    red = (grabbed(window.picture).astype(int) - RECORDING.getRgb()[:3] == 0).all(axis=2)
    assert red[-30:, :30].sum() > 20
    assert not (before.astype(int) - RECORDING.getRgb()[:3] == 0).all(axis=2)[-30:, :30].any()
    press(qtbot, window, Qt.Key.Key_R)
    wait(qtbot, window.banner.open_folder.isVisible)
    assert window.picture._recording == ""
    (path,) = tmp_path.glob("* classes.mp4")
    assert window.banner.text.text() == f"Recorded {path}"
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url) or False)
    qtbot.mouseClick(window.banner.open_folder, Qt.MouseButton.LeftButton)
    assert opened == [QUrl.fromLocalFile(str(tmp_path))]
    wait(qtbot, lambda: window.banner.text.text().endswith(str(tmp_path)))
    assert window.banner.open_folder.isHidden()


def test_every_shortcut_is_unique_and_listed_in_the_help(window: Window) -> None:
    keys = [key for keys, _, _ in window._actions() for key in keys]
    assert len(keys) == len(set(keys)) == len(window.shortcuts)
    on_sheet = " ".join(label.text() for label in window.help.findChildren(QLabel)).split()
    assert set(keys) <= set(on_sheet)


def test_keys_of_steps_repeat(window: Window) -> None:
    held = {shortcut.key().toString() for shortcut in window.shortcuts if shortcut.autoRepeat()}
    assert held == {"[", "]", ",", ".", "Shift+Left", "Shift+Right"}


def test_help_sheet(window: Window, qtbot: QtBot) -> None:
    press(qtbot, window, Qt.Key.Key_H)
    assert window.help.isVisible()
    assert window.rect().contains(window.help.geometry())
    press(qtbot, window, Qt.Key.Key_Escape)
    assert not window.help.isVisible()


def test_full_screen_shows_only_the_picture(window: Window, qtbot: QtBot) -> None:
    qtbot.mouseDClick(window.picture, Qt.MouseButton.LeftButton)
    assert window.isFullScreen()
    assert not window.side.isVisible()
    assert not window.metrics.isVisible()
    press(qtbot, window, Qt.Key.Key_Escape)
    assert not window.isFullScreen()
    assert window.side.isVisible()
    assert window.metrics.isVisible()


def test_theme_can_be_switched(window: Window, qtbot: QtBot) -> None:
    assert grabbed(window)[2, 2].max() < 40
    press(qtbot, window, Qt.Key.Key_T)
    assert grabbed(window)[2, 2].min() > 200
    assert window.controller.settings.theme is Theme.LIGHT


def test_everything_is_reachable_with_tab(window: Window, qtbot: QtBot) -> None:
    expected = controls(window) - {*window.side.modes.values(), window.side.tabs, window.line.menu}
    expected |= {window.side.modes[Mode.OVERLAY]}
    window.activateWindow()
    window.tool_bar.source.setFocus()
    reached: set[QWidget | None] = set()
    for _ in range(40):
        reached.add(QApplication.focusWidget())
        press(qtbot, window, Qt.Key.Key_Tab, to=QApplication.focusWidget())
    assert expected <= reached
    assert all(w.accessibleName() or w.text() for w in expected)  # type: ignore[attr-defined]


def test_controls_change_the_run(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    run, controller = window.run, window.controller
    choose(run.threads, 1)
    choose(run.every, 2)
    window.side.smoothing.setValue(80)
    assert controller.settings.smoothing == 0.8
    wait(qtbot, lambda: controller.status().threads == 1)
    wait(qtbot, lambda: controller.status().dropped.get("skipped", 0) > 3)
    wait(qtbot, lambda: "skipped" in window.metrics.dropped.accessibleDescription())


def test_a_source_can_be_typed(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", [numbered(i) for i in range(9)])
    qtbot.keyClick(window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    editor = window.tool_bar.editor
    assert editor.selectedText() == editor.text()
    qtbot.keyClicks(editor, str(clip))
    press(qtbot, window, Qt.Key.Key_Return, to=editor)
    wait(qtbot, lambda: window.controller.status().source == str(clip))
    wait(qtbot, lambda: window.controller.status().frame_size == numbered(0).shape[1::-1])


def test_typing_a_source_triggers_no_shortcuts(window: Window, qtbot: QtBot) -> None:
    editor = window.tool_bar.source.lineEdit()
    window.activateWindow()
    editor.setFocus()
    wait(qtbot, editor.hasFocus)
    editor.clear()
    qtbot.keyClicks(editor, "trams12")
    assert editor.text() == "trams12"
    assert window.controller.settings.theme is Theme.SYSTEM


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Escape])
@pytest.mark.parametrize("field", ["source", "search"])
def test_shortcuts_work_again_after_typing(
    window: Window, qtbot: QtBot, field: str, key: Qt.Key
) -> None:
    editor = window.tool_bar.editor if field == "source" else window.side.classes.search
    window.activateWindow()
    editor.setFocus()
    wait(qtbot, editor.hasFocus)
    press(qtbot, window, key, to=editor)
    assert not editor.hasFocus()
    press(qtbot, window, Qt.Key.Key_T, to=QApplication.focusWidget())
    assert window.controller.settings.theme is Theme.LIGHT


def test_shortcuts_work_while_a_control_has_the_focus(window: Window, qtbot: QtBot) -> None:
    window.activateWindow()
    typed = {window.tool_bar.source, window.tool_bar.editor, window.side.classes.search}
    reachable = [
        each
        for each in controls(window) - typed
        if each.isVisible() and each.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]
    assert len(reachable) > 15
    for control in reachable:
        control.setFocus()
        wait(qtbot, control.hasFocus)
        before = window.controller.settings.mirrored
        press(qtbot, window, Qt.Key.Key_M, to=control)
        assert window.controller.settings.mirrored is not before, control


def test_the_list_of_sources_is_as_wide_as_its_names(window: Window, qtbot: QtBot) -> None:
    box = window.tool_bar.source
    wait(qtbot, lambda: box.count() > 0)
    box.showPopup()
    wait(qtbot, box.view().isVisible)
    assert box.view().width() >= box.view().sizeHintForColumn(0)
    box.hidePopup()


def test_sources_and_models_are_listed(window: Window, qtbot: QtBot) -> None:
    bar = window.tool_bar
    wait(qtbot, lambda: bar.source.count() > 0)
    row = next(i for i in range(bar.source.count()) if "bundled" in bar.source.itemText(i))
    bar.source.activated.emit(row)
    wait(qtbot, lambda: window.controller.status().source == "sample")
    model = window.run.model
    assert "seaformer-t-camvid" in [model.itemData(i) for i in range(model.count())]


def test_a_classifier_disables_what_it_does_not_have(
    window: Window, qtbot: QtBot, models: FakeModels, tmp_path: Path
) -> None:
    side, classes = window.side, window.side.classes
    wait(qtbot, lambda: classes.classes.rowCount() == 3)
    coloured = {*side.modes.values(), side.opacity, side.smoothing, classes.search}
    assert all(widget.isEnabled() and widget.isVisible() for widget in coloured)
    (tmp_path / "classifier.pte").touch()
    window.controller.open_file(tmp_path / "classifier.pte")
    wait(qtbot, lambda: classes.unit.text() == "probability")
    wait(qtbot, lambda: window.run.model.currentText() == "classifier.pte")
    assert not any(widget.isEnabled() and widget.isVisible() for widget in coloured)
    assert "TOP CLASSES" in [label.text() for label in side.findChildren(QLabel)]
    wait(qtbot, lambda: classes.classes.rowCount() > 0)
    scores = grabbed(window.picture)[:, : window.picture.width() // 3]
    press(qtbot, window, Qt.Key.Key_N)
    assert (scores != grabbed(window.picture)[:, : window.picture.width() // 3]).any()
    classes.classes.toggle(0)
    assert window.controller.view.classes is None


def test_opacity_is_disabled_where_it_changes_nothing(window: Window, qtbot: QtBot) -> None:
    enabled = set()
    for mode in Mode:
        press(qtbot, window, getattr(Qt.Key, f"Key_{mode.key}"))
        if window.side.opacity.isEnabled():
            enabled.add(mode)
    assert enabled == {Mode.OVERLAY, Mode.SIDE_BY_SIDE}
    before = window.controller.view.opacity
    press(qtbot, window, Qt.Key.Key_2, Qt.Key.Key_BracketRight)
    assert window.controller.view.opacity == before


def test_a_model_that_fails_to_load_is_reported(
    window: Window, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "missing.pte").touch()
    window.controller.open_file(tmp_path / "missing.pte")
    wait(qtbot, lambda: "no such model file" in window.banner.text.text())
    assert window.banner.property("error")
    assert window.controller.status().model == "fake"
    wait(qtbot, lambda: window.run.model.currentText() == "fake.pte")
    press(qtbot, window, Qt.Key.Key_Escape)
    assert not window.banner.isVisible()


def test_a_failing_network_is_reported_and_the_picture_keeps_moving(
    window: Window, qtbot: QtBot, models: FakeModels
) -> None:
    models.program.fails = True
    wait(qtbot, lambda: "burnt out" in window.banner.text.text())
    last = window.picture._result
    wait(qtbot, lambda: window.picture._result is not last)


def test_a_dropped_file_is_played(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", [numbered(i) for i in range(9)])
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(clip))])
    about = (
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    enter = QDragEnterEvent(QPoint(50, 50), *about)
    enter.ignore()
    window.dragEnterEvent(enter)
    assert enter.isAccepted()
    window.dropEvent(QDropEvent(QPointF(50, 50), *about))
    wait(qtbot, lambda: window.controller.status().source == str(clip))


def test_settings_are_stored(window: Window, qtbot: QtBot, store: QSettings) -> None:
    press(qtbot, window, Qt.Key.Key_4, Qt.Key.Key_T)
    choose(window.run.every, 3)
    wait(qtbot, lambda: window.controller.remembered().source == QUICK)
    window.close()
    settings = load(store)
    assert (settings.mode, settings.theme, settings.every) == (Mode.EDGES, Theme.LIGHT, 3)
    assert settings.source == QUICK
    assert store.value("geometry") is not None


# Screens of boards and desktops, less a title bar; the last two with QT_SCALE_FACTOR=2 at twice
# the size.
SCREENS = [(480, 320), (800, 480), (720, 1280), (1024, 600), (1280, 720), (1920, 1080)]
SCREENS += [(2560, 1440), (640, 360), (960, 540)]
TITLE_BAR_PX = 28


@pytest.mark.parametrize("screen", SCREENS, ids=lambda size: f"{size[0]}x{size[1]}")
def test_everything_fits_and_can_be_reached(
    window: Window, qtbot: QtBot, screen: tuple[int, int], folder: Path
) -> None:
    width, height = screen[0], screen[1] - TITLE_BAR_PX
    window.controller.set_source(str(folder))
    wait(qtbot, lambda: window.transport.is_useful)
    window._metrics_timer.stop()  # a text could change between layout and check
    for figure in window.metrics.rates.values():
        figure.set_text("99.9")
    for figure in (window.metrics.latency, *window.metrics.percentiles.values()):
        figure.set_text("1234")
    window.resize(width, height)
    assert (window.width(), window.height()) == (width, height)
    reached: set[QWidget] = set()

    def check() -> None:
        shown = {widget for widget in controls(window) if widget.isVisible()}
        for widget in shown | {each for each in window.findChildren(QLabel) if each.isVisible()}:
            check_is_whole(window, widget)
        reached.update(shown)

    for _ in states(window, qtbot):
        qtbot.waitUntil(check, timeout=round(PATIENCE_S * 1e3))
    missing = controls(window) - reached
    wide = width >= 960 and height >= 540
    assert missing == ({window.line.menu, window.side.tabs} if wide else set())


def states(window: Window, qtbot: QtBot) -> Iterator[None]:
    """Every page of the drawer, opened and closed by its button, if the window has one."""
    yield
    if not window.line.menu.isVisible():
        return
    qtbot.mouseClick(window.line.menu, Qt.MouseButton.LeftButton)
    yield
    if not window.side.isVisible():  # it was open at first
        qtbot.mouseClick(window.line.menu, Qt.MouseButton.LeftButton)
    for page in range(window.side.tabs.count()):
        window.side.tabs.setCurrentIndex(page)
        yield


def check_is_whole(window: Window, widget: QWidget) -> None:
    """The widget, or the scrolled page that it is on, lies in the window; its text is not cut."""
    touch = window.arrangement is not None and window.arrangement.touch
    at = widget.rect().translated(widget.mapTo(window, QPoint(0, 0)))
    whole = window.rect()
    if window.side.isAncestorOf(widget):  # pages scroll down
        assert at.left() >= 0, widget
        assert at.right() <= whole.right(), widget
    else:
        assert whole.contains(at), widget
    needed = widget.sizeHint()
    if isinstance(widget, QLabel):
        assert widget.font().pixelSize() >= 13, widget.text()
        if not widget.wordWrap():
            assert widget.width() >= needed.width(), widget.text()
    elif isinstance(widget, QAbstractButton):
        without_text = isinstance(widget, QToolButton) and (
            widget.toolButtonStyle() is Qt.ToolButtonStyle.ToolButtonIconOnly
        )
        assert without_text or widget.width() >= needed.width(), widget.text()
        assert not touch or min(widget.width(), widget.height()) >= 40, widget.text()
    elif not isinstance(widget, QAbstractItemView):
        assert not touch or widget.height() >= 40, widget
    else:
        index = widget.model().index(0, 0)
        assert not touch or widget.visualRect(index).height() >= 40


def controls(window: Window) -> set[QWidget]:
    """Everything that a user can press, move or type into, except what appears on demand."""
    kinds = (QAbstractButton, QAbstractSlider, QComboBox, QLineEdit, QListView, QTabBar)
    later = {
        window.side.classes.show_all,
        window.help.close_button,
        window.tool_bar.camera,
        *(() if window.transport.is_useful else window.transport.findChildren(QWidget)),
        *window.banner.findChildren(QAbstractButton),
        *window.no_signal.findChildren(QAbstractButton),
    }
    return {
        widget
        for kind in kinds
        for widget in window.findChildren(kind)
        if not isinstance(widget, QScrollBar)
        and not isinstance(widget.parent(), QComboBox | QLineEdit | QTabBar | QAbstractSlider)
        and not (widget.parent() and isinstance(widget.parent().parent(), QComboBox))
        and widget not in later
    }


@pytest.mark.parametrize("size", [(800, 450), (480, 290)])
def test_a_small_window_sums_up_in_one_line(
    window: Window, qtbot: QtBot, size: tuple[int, int]
) -> None:
    window.resize(*size)
    board = SystemReading(12.0, 5.0, 200.0, 4000.0, 61.6, None, ("throttled",), ())
    window._metrics_timer.stop()
    window.line.show_status(window.controller.status(), board)
    text = window.line.figures.text()
    assert re.fullmatch(r"[\d.]+ fps  ·  [\d.]+ ms  ·  62 °C  ·  limited", text)
    assert window.line.figures.property("warns")
    assert window.line.names.width() > 60
    assert not window.metrics.isVisible()
    assert not window.side.isVisible()


def test_the_help_sheet_fits_a_small_window(window: Window, qtbot: QtBot) -> None:
    window.resize(480, 290)
    press(qtbot, window, Qt.Key.Key_H)
    qtbot.wait(30)
    assert window.rect().contains(window.help.geometry())
    inside = window.help.close_button.geometry()
    assert window.help.rect().contains(inside)
    qtbot.mouseClick(window.help.close_button, Qt.MouseButton.LeftButton)
    assert not window.help.isVisible()


def test_larger_text_needs_larger_windows() -> None:
    assert Arrangement.at(1024, 570, 13).kind is Kind.WIDE
    assert Arrangement.at(1024, 570, 17).kind is Kind.COMPACT
    assert Arrangement.at(800, 450, 17).kind is Kind.COMPANION
    assert Arrangement.at(1920, 1080, 17) == Arrangement(Kind.WIDE, portrait=False, touch=False)
    assert Arrangement.at(1920, 1080, 17, touch_screen=True).touch


# Widgets without a window.


def test_each_result_is_reported_as_painted_once(qtbot: QtBot) -> None:
    painted: list[LiveResult] = []
    view = PictureView(painted.append, lambda x, y: None)
    qtbot.addWidget(view)
    view.resize(300, 300)
    view.show()
    result = segmented()
    view.show_result(result)
    qtbot.waitUntil(lambda: painted == [result])
    view.repaint()
    assert painted == [result]


def test_high_density_screens_get_full_resolution(qtbot: QtBot) -> None:
    view = PictureView(lambda result: None, lambda x, y: None)
    qtbot.addWidget(view)
    view.devicePixelRatioF = lambda: 2.0  # type: ignore[method-assign]
    view.resize(300, 300)
    view.show()
    view.show_result(segmented())
    placement = view.placement()
    assert placement is not None
    assert (placement.width, placement.height, placement.left, placement.top) == (600, 400, 0, 100)
    qtbot.waitUntil(lambda: view._image is not None)
    assert view._image.deviceIndependentSize().width() == 300


@pytest.fixture
def many(qtbot: QtBot) -> ClassPanel:
    """A panel with 150 classes, of which classes 70 and 5 are in the picture."""
    panel = ClassPanel()
    qtbot.addWidget(panel)
    names = tuple(f"class {i}" for i in range(150))
    panel.show_card(replace(CARD, classes=names, palette=CARD.palette * 50, logit_channels=150))
    panel.show_rows([Row(70, "class 70", 0.6, 0.9), Row(5, "class 5", 0.3, 0.8)])
    return panel


def test_classes_of_the_picture_come_first(many: ClassPanel) -> None:
    shown = texts(many.classes)
    assert shown[:4] == ["class 70, 60 %", "class 5, 30 %", "class 0", "class 1"]
    assert len(shown) == 150
    many.view.setCurrentIndex(many.classes.index(1))
    many.show_rows([Row(5, "class 5", 0.7, 0.8), Row(70, "class 70", 0.2, 0.9)])
    assert texts(many.classes)[:2] == ["class 5, 70 %", "class 70, 20 %"]
    assert many.view.currentIndex().row() == 0  # still class 5


def test_unknown_pixels_are_listed_apart(window: Window, qtbot: QtBot) -> None:
    window.side.min_confidence.setValue(100)
    unknown = window.side.classes.unknown
    wait(qtbot, unknown.isVisible)
    wait(qtbot, lambda: unknown.text() == "unknown: 100 %")
    wait(qtbot, lambda: texts(window.side.classes.classes) == ["red", "green", "blue"])
    assert window.controller.describe_pixel(48, 32) == "unknown"
    window.arrange()
    window.resize(480, 320)  # the line below the picture shows it too
    wait(qtbot, window.line.isVisible)
    window.side.min_confidence.setValue(0)
    wait(qtbot, unknown.isHidden)


def test_classes_can_be_searched(many: ClassPanel) -> None:
    many.classes.toggle(70)
    many.search.setText(" CLASS 7")
    assert texts(many.classes)[:2] == ["class 70, 60 %, chosen", "class 7"]
    many.search.setText("nothing")
    assert texts(many.classes) == []
    many.search.clear()
    assert len(texts(many.classes)) == 150
    assert texts(many.classes)[0] == "class 70, 60 %, chosen"


def test_the_list_of_classes_uses_its_height(many: ClassPanel) -> None:
    many.resize(300, 1200)
    many.show()
    assert many.view.height() > 1100


def test_focus_and_choice_look_different(many: ClassPanel, qtbot: QtBot) -> None:
    many.resize(300, 600)
    many.show()
    many.activateWindow()
    many.view.setFocus()
    qtbot.waitUntil(many.view.hasFocus)
    pictures = []
    for chosen, current in ((False, 3), (False, 2), (True, 3), (True, 2)):
        many.classes.clear_chosen()
        if chosen:
            many.classes.toggle(many.classes.index(2).data(CLASS_ROLE).class_id)
        many.view.setCurrentIndex(many.classes.index(current))
        area = many.view.visualRect(many.classes.index(2))
        pictures.append(grabbed(many.view)[area.top() : area.bottom()])
    for i, picture in enumerate(pictures):
        for other in pictures[:i]:
            assert (picture != other).sum() > 50


def test_board_rows() -> None:
    plain = SystemReading(12.0, 5.0, 200.0, 4000.0, None, None, (), ())
    assert board_rows(plain) == [
        ("processor", "12 %"),
        ("this program", "5 %"),
        ("memory", "200 MB"),
        ("free", "4.0 GB"),
    ]
    hot = SystemReading(12.0, 5.0, 200.0, 4000.0, 84.6, None, ("throttled",), ("under-voltage",))
    assert board_rows(hot)[4:] == [("temperature", "85 °C"), ("limited", "throttled")]
    earlier = SystemReading(12.0, 5.0, 200.0, 4000.0, None, None, (), ("under-voltage",))
    assert board_rows(earlier)[4:] == [("earlier", "under-voltage")]


def test_html_from_outside_is_shown_as_text(window: Window) -> None:
    """Qt would load the pictures that it names, also over the network."""
    html = "<img src='file:///etc/hostname'>"
    card = replace(CARD, classes=(html, *CARD.classes[1:]))
    window.side.show_card(card)
    window.side.classes.show_rows([Row(0, html, 1.0, 1.0)])
    window.run.list_models([ModelChoice(html, html, html)], html)
    window.tool_bar.list_sources([SourceInfo(html, html, ())])
    window.tool_bar.show_source(html)
    window.banner.show_message(Message(html, is_error=True))
    window.metrics.board.show_rows([(html, html)])
    tips = [widget.toolTip() for widget in (window, *window.findChildren(QWidget))]
    for items in window.findChildren(QAbstractItemView):
        model = items.model()
        indexes = [model.index(row, 0) for row in range(model.rowCount())]
        tips += [str(index.data(Qt.ItemDataRole.ToolTipRole) or "") for index in indexes]
    shown = [tip for tip in tips if "etc/hostname" in tip]
    assert len(shown) == 3, "class, model, table"
    assert all("<img" not in tip and "&lt;img" in tip for tip in shown)
    for label in window.findChildren(QLabel):
        assert label.textFormat() is Qt.TextFormat.PlainText, label.text()
