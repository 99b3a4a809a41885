"""The window itself, without a screen: what is pressed reaches the run, what runs is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
pytest.importorskip("pytestqt")

from clips import numbered, write_video
from fakes import CARD, PATIENCE_S, FakeModels, nothing_left
from gui_results import classified, segmented
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QEnterEvent
from PySide6.QtWidgets import QAbstractItemView, QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from seaformer_edge.inference.modes import Mode
from seaformer_edge.live import LiveResult
from seaformer_edge.machine.board import SystemReading
from seaformer_edge.sources import SourceInfo
from seaformer_edge_gui import theme
from seaformer_edge_gui.class_panel import ClassBars, Legend
from seaformer_edge_gui.controller import Controller, ModelChoice
from seaformer_edge_gui.messages import Message
from seaformer_edge_gui.metrics_panel import board_rows
from seaformer_edge_gui.picture_view import PictureView
from seaformer_edge_gui.ranking import Row
from seaformer_edge_gui.settings import Settings, Theme, load
from seaformer_edge_gui.window import Window

QUICK = "synthetic:96x64@100"

pytestmark = [
    pytest.mark.usefixtures("no_widget_left"),
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore(
        "This plugin does not support"
    ),  # a warning of the offscreen platform
]


@pytest.fixture
def store(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def window(
    qtbot: QtBot,
    qapp: QApplication,
    models: FakeModels,
    fake: str,
    tmp_path: Path,
    store: QSettings,
) -> Iterator[Window]:
    """An open window with a running pipeline; checks that closing it leaves no thread."""
    theme.prepare(qapp)
    with nothing_left():
        settings = Settings(source=QUICK, model=fake, smoothing=0.0)
        window = Window(Controller(settings, tmp_path), store)
        qtbot.addWidget(window)
        window.resize(1024, 600)
        window.show()
        window.start()
        wait(qtbot, lambda: window.controller.card is not None)
        wait(qtbot, lambda: window.controller.status().display_fps > 0)
        yield window
        window.close()


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


def test_opacity(window: Window, qtbot: QtBot) -> None:
    press(qtbot, window, Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketLeft)
    assert window.controller.view.opacity == pytest.approx(0.3)
    window.side.opacity.setValue(100)
    qtbot.wait(50)
    assert (colour_of_sky(window) == CARD.palette[2]).all()


def test_classes_are_chosen_in_the_legend(window: Window, qtbot: QtBot) -> None:
    legend = window.side.legend
    wait(qtbot, lambda: legend.count() == 3)
    press(qtbot, window, Qt.Key.Key_2)
    for row in (0, 1):
        area = legend.visualItemRect(legend.item(row))
        qtbot.mouseClick(legend.viewport(), Qt.MouseButton.LeftButton, pos=area.center())
    assert window.controller.view.classes == {0, 1}
    qtbot.wait(50)
    assert (colour_of_sky(window) == 0).all()
    press(qtbot, window, Qt.Key.Key_A)
    assert window.controller.view.classes is None
    qtbot.wait(50)
    assert (colour_of_sky(window) == CARD.palette[2]).all()


def test_classes_are_chosen_by_keyboard(window: Window, qtbot: QtBot) -> None:
    legend = window.side.legend
    wait(qtbot, lambda: legend.count() == 3)
    legend.setFocus()
    legend.setCurrentRow(0)
    legend.clearSelection()
    press(qtbot, window, Qt.Key.Key_Right, Qt.Key.Key_Space, to=legend)
    assert window.controller.view.classes == {1}
    assert window.side.show_all.isVisible()


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


def test_bars_are_shown(window: Window, qtbot: QtBot) -> None:
    wait(qtbot, lambda: "blue" in window.side.bars.accessibleDescription())
    picture = grabbed(window.side.bars)
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


def test_every_shortcut_is_unique_and_listed_in_the_help(window: Window) -> None:
    keys = [key for keys, _, _ in window._actions() for key in keys]
    assert len(keys) == len(set(keys)) == len(window.shortcuts)
    on_sheet = " ".join(label.text() for label in window.help.findChildren(QLabel)).split()
    assert set(keys) <= set(on_sheet)


def test_only_opacity_keys_repeat(window: Window) -> None:
    held = {shortcut.key().toString() for shortcut in window.shortcuts if shortcut.autoRepeat()}
    assert held == {"[", "]"}


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
    bar, side = window.tool_bar, window.side
    expected = {bar.source, bar.model, bar.threads, bar.every, bar.open, bar.full_speed, bar.pause}
    expected |= {bar.snapshot, bar.record, bar.mirror, bar.full, bar.theme, bar.help}
    expected |= {side.opacity, side.smoothing, side.legend, side.modes[Mode.OVERLAY]}
    window.activateWindow()
    bar.source.setFocus()
    reached: set[QWidget | None] = set()
    for _ in range(40):
        reached.add(QApplication.focusWidget())
        press(qtbot, window, Qt.Key.Key_Tab, to=QApplication.focusWidget())
    assert expected <= reached
    assert all(w.accessibleName() or w.text() for w in expected)  # type: ignore[attr-defined]


def test_controls_change_the_run(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    bar, controller = window.tool_bar, window.controller
    bar.threads.setValue(1)
    bar.every.setValue(2)
    window.side.smoothing.setValue(80)
    assert controller.settings.smoothing == 0.8
    wait(qtbot, lambda: controller.status().threads == 1)
    wait(qtbot, lambda: controller.status().dropped.get("skipped", 0) > 3)
    wait(qtbot, lambda: "skipped" in window.metrics.dropped.accessibleDescription())


def test_a_source_can_be_typed(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", [numbered(i) for i in range(9)])
    qtbot.keyClick(window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    editor = window.tool_bar.source.lineEdit()
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
    assert window.controller.settings.theme is Theme.DARK


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Escape])
def test_shortcuts_work_again_after_typing(window: Window, qtbot: QtBot, key: Qt.Key) -> None:
    editor = window.tool_bar.source.lineEdit()
    window.activateWindow()
    editor.setFocus()
    wait(qtbot, editor.hasFocus)
    press(qtbot, window, key, to=editor)
    assert not editor.hasFocus()
    press(qtbot, window, Qt.Key.Key_T, to=QApplication.focusWidget())
    assert window.controller.settings.theme is Theme.LIGHT


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
    assert "seaformer-t-camvid" in [bar.model.itemData(i) for i in range(bar.model.count())]


def test_the_legend_follows_the_model(
    window: Window, qtbot: QtBot, models: FakeModels, tmp_path: Path
) -> None:
    legend = window.side.legend
    wait(qtbot, lambda: legend.count() == 3)
    (tmp_path / "classifier.pte").touch()
    window.controller.open_file(tmp_path / "classifier.pte")
    wait(qtbot, lambda: legend.count() == 0)
    wait(qtbot, lambda: window.tool_bar.model.currentText() == "classifier.pte")
    assert not legend.isVisible()
    assert "probability" in [label.text() for label in window.side.findChildren(QLabel)]


def test_a_model_that_fails_to_load_is_reported(
    window: Window, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "missing.pte").touch()
    window.controller.open_file(tmp_path / "missing.pte")
    wait(qtbot, lambda: "no such model file" in window.banner.text.text())
    assert window.banner.property("error")
    assert window.controller.status().model == "fake"
    wait(qtbot, lambda: window.tool_bar.model.currentText() == "fake.pte")
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
    window.tool_bar.every.setValue(3)
    window.close()
    settings = load(store)
    assert (settings.mode, settings.theme, settings.every) == (Mode.EDGES, Theme.LIGHT, 3)
    assert settings.source == QUICK
    assert store.value("geometry") is not None


@pytest.mark.parametrize("size", [(1024, 600), (1920, 1080)])
def test_nothing_is_clipped(window: Window, qtbot: QtBot, size: tuple[int, int]) -> None:
    window.resize(*size)
    for figure in (*window.metrics.rates.values(), *window.metrics.percentiles.values()):
        figure.set_text("1234")
    window._metrics_timer.stop()  # a text could change between layout and check
    qtbot.wait(100)
    assert (window.width(), window.height()) == size
    for widget in window.findChildren(QWidget):
        if not widget.isVisibleTo(window) or isinstance(widget, PictureView):
            continue
        inside = widget.rect().translated(widget.mapTo(window, QPoint(0, 0)))
        assert window.rect().contains(inside), widget
        if isinstance(widget, QLabel) and not widget.wordWrap():
            assert widget.width() >= widget.sizeHint().width(), widget.text()
    for button in window.side.modes.values():
        assert button.width() >= button.sizeHint().width(), button.text()


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


def test_legend_of_many_classes_scrolls(qtbot: QtBot) -> None:
    from dataclasses import replace

    legend = Legend()
    qtbot.addWidget(legend)
    names = tuple(f"class {i}" for i in range(150))
    legend.show_card(replace(CARD, classes=names, palette=CARD.palette * 50, logit_channels=150))
    legend.resize(260, 120)
    legend.show()
    assert legend.count() == 150
    assert legend.verticalScrollBar().maximum() > 0
    rows = {legend.visualItemRect(legend.item(i)).top() for i in range(2)}
    assert len(rows) == 1  # two columns


def test_bars_have_an_accessible_description(qtbot: QtBot) -> None:
    from seaformer_edge_gui.controller import _rows

    bars = ClassBars()
    qtbot.addWidget(bars)
    bars.show_rows(_rows(classified()), classified().card)
    assert bars.accessibleDescription() == "blue 70 %, red 20 %"


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
    window.side.bars.show_rows([Row(0, html, 1.0, 1.0)], card)
    window.tool_bar.list_models([ModelChoice(html, html, html)], html)
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
