"""How the window starts: what is checked before, where it opens, what it remembers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
pytest.importorskip("pytestqt")

from fakes import FakeModels
from PySide6.QtCore import QRect, QSettings, Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.sources import CameraSettings
from seaformer_edge_gui import app, settings, theme
from seaformer_edge_gui.settings import Settings

pytestmark = pytest.mark.usefixtures("no_widget_left")


@pytest.fixture
def store(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


def test_all_typing_errors_are_reported_before_the_window_opens(tmp_path: Path) -> None:
    with pytest.raises(SeaformerEdgeError) as caught:
        app.run(str(tmp_path / "absent.mp4"), "nonsense", None)
    message = str(caught.value)
    assert "nonsense: unknown model" in message
    assert "absent.mp4: no such file" in message
    assert "\n" not in message


@pytest.mark.parametrize("content", [b"", b"no video"], ids=["empty", "text"])
def test_a_file_that_cannot_be_played_is_reported_before_the_window_opens(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "clip.mp4").write_bytes(content)
    with pytest.raises(SeaformerEdgeError, match=r"clip\.mp4"):
        app.run(str(tmp_path / "clip.mp4"), None, None)


def test_a_model_without_its_card_is_reported_before_the_window_opens(fake: str) -> None:
    with pytest.raises(SeaformerEdgeError, match=r"fake\.json"):
        app.run(None, fake, None)


def test_what_has_been_removed_is_reported_and_stays_stored(
    qtbot: QtBot, qapp: QApplication, models: FakeModels, store: QSettings, tmp_path: Path
) -> None:
    theme.prepare(qapp)
    kept = Settings(source=str(tmp_path / "gone.mp4"), model=str(tmp_path / "gone.pte"))
    settings.save(kept, store)
    window = app.make_window(store, None, None, 1)
    qtbot.addWidget(window)
    controller = window.controller
    message = controller.message(controller.status())
    assert message is not None
    assert "gone.mp4" in message.text
    assert "gone.pte" in message.text
    assert (controller.settings.source, controller.settings.model) == ("", "")
    assert controller.settings.threads == 1
    window.close()
    assert settings.load(store) == replace(kept, threads=1)


def test_options_of_a_camera_change_what_is_stored_for_it(
    qtbot: QtBot, qapp: QApplication, models: FakeModels, store: QSettings, fake: str
) -> None:
    cameras = {"0": CameraSettings((640, 480)), "1": CameraSettings(flip=True)}
    settings.save(Settings(source="sample", model=fake, cameras=cameras), store)
    window = app.make_window(store, "0", None, 1, {"rotate": 90})
    qtbot.addWidget(window)
    assert window.controller.camera == CameraSettings((640, 480), rotate=90)
    window.close()
    assert settings.load(store).cameras["1"] == cameras["1"]


@pytest.mark.parametrize(
    ("screen", "fills"), [((1280, 720), True), ((1024, 600), True), ((1920, 1080), False)]
)
def test_the_first_start_leaves_space_for_the_title_bar(
    qapp: QApplication, store: QSettings, screen: tuple[int, int], fills: bool
) -> None:
    window = OnScreen(*screen)
    app.place(window, store)  # type: ignore[arg-type]
    assert bool(window.windowState() & Qt.WindowState.WindowMaximized) is fills
    assert window.width() <= screen[0]
    assert fills or window.height() + app.TITLE_BAR_PX <= screen[1]


def test_a_second_window_does_not_cover_the_first(qapp: QApplication, store: QSettings) -> None:
    first, second = OnScreen(1920, 1080), OnScreen(1920, 1080)
    first.move(100, 100)
    store.setValue("geometry", first.saveGeometry())
    with app.counted() as before:
        app.place(first, store, before)  # type: ignore[arg-type]
        with app.counted() as others:
            assert others == before + 1
            app.place(second, store, others)  # type: ignore[arg-type]
    assert second.pos() != first.pos()
    with app.counted() as again:
        assert again == before


class OnScreen(QWidget):
    """A window on a screen of another size."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        self._screen = SimpleNamespace(availableGeometry=lambda: QRect(0, 0, width, height))

    def screen(self) -> SimpleNamespace:  # type: ignore[override]
        return self._screen
