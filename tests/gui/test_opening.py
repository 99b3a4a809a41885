"""Dialog, menu, drop and typing; what cannot be opened leaves the window alive."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
pytest.importorskip("pytestqt")

from clips import numbered, write_video
from fakes import PATIENCE_S
from gui_results import QUICK
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from seaformer_edge.live import inference
from seaformer_edge.live.inference import open_model
from seaformer_edge.live.stats import SourceState
from seaformer_edge_gui.window import Window

pytestmark = pytest.mark.usefixtures("no_widget_left")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    folder = tmp_path / "my videos & more"
    folder.mkdir()
    return write_video(folder / "clip.mp4", [numbered(i) for i in range(9)])


def wait(qtbot: QtBot, condition: Callable[[], object]) -> None:
    qtbot.waitUntil(lambda: bool(condition()), timeout=round(PATIENCE_S * 1e3))


def is_running(window: Window, source: str) -> bool:
    status = window.controller.status()
    runs = status.source_state in (SourceState.RUNNING, SourceState.ENDED)
    return runs and status.source == source


def drop(window: Window, *urls: QUrl) -> None:
    mime = QMimeData()
    mime.setUrls(urls)
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, mime, buttons, keys))


def enter(window: Window, text: str) -> None:
    """Types a source."""
    window.tool_bar.editor.setText(text)
    window.tool_bar.editor.returnPressed.emit()


def test_recent_sources_are_in_the_menu(window: Window, qtbot: QtBot, clip: Path) -> None:
    for source in (str(clip), QUICK):
        window.controller.set_source(source)
        wait(qtbot, partial(is_running, window, source))
    wait(qtbot, lambda: len(window.tool_bar.menu.actions()) == 4)
    action = window.tool_bar.menu.actions()[-1]
    assert action.text().startswith("clip.mp4   ")
    assert "videos && more" in action.text()
    action.trigger()
    wait(qtbot, partial(is_running, window, str(clip)))
    assert window.controller.remembered().recent == (str(clip),)


def test_dialogs_open_files_and_folders(
    window: Window, qtbot: QtBot, clip: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def chosen(answer: object, *given: object) -> object:
        asked.extend(str(each) for each in given[2:])
        return answer

    monkeypatch.setattr(QFileDialog, "getOpenFileName", partial(chosen, (str(clip), "")))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", partial(chosen, str(folder)))
    qtbot.keyClick(window, "o")
    wait(qtbot, partial(is_running, window, str(clip)))
    window.tool_bar.menu.actions()[1].trigger()
    wait(qtbot, partial(is_running, window, str(folder)))
    assert (asked[0], asked[2]) == ("", str(clip.parent))
    for part in ("Videos (", "*.mkv", "Pictures (", "*.JPG", "*.pte", "All files (*)"):
        assert part in asked[1]


def test_a_typed_model_says_where_models_go(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    enter(window, str(tmp_path / "other.pte"))
    wait(qtbot, lambda: "other.pte: a model, no source" in window.banner.text.text())
    assert is_running(window, QUICK)


def test_a_typed_address_of_a_file_is_its_path(window: Window, qtbot: QtBot, clip: Path) -> None:
    enter(window, clip.as_uri())
    assert "%20" in clip.as_uri()
    wait(qtbot, partial(is_running, window, str(clip)))


def test_a_url_is_asked_for_as_it_is_written(window: Window, qtbot: QtBot) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        base = f"http://127.0.0.1:{server.server_port}"
        for open_url in (lambda url: drop(window, QUrl(url)), partial(enter, window)):
            asked.clear()
            open_url(f"{base}/a%20b/100%25.mp4?key=c%2Bd%26")
            wait(qtbot, lambda: asked)
            assert asked[0] == "/a%20b/100%25.mp4?key=c%2Bd%26"
        window.controller.set_source(QUICK)
        wait(qtbot, partial(is_running, window, QUICK))
        server.shutdown()
        thread.join()


def _folder_of_videos(path: Path) -> None:
    path.mkdir()
    write_video(path / "a.mp4", [numbered(0)])


def _fake_heic(path: Path) -> None:
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "videos": (_folder_of_videos, "holds no pictures, but 1 .mp4"),
    "empty folder": (lambda path: path.mkdir(), "holds no pictures"),
    "empty.mp4": (lambda path: path.touch(), "is empty"),
    "empty.jpg": (lambda path: path.touch(), "is empty"),
    "text.txt": (lambda path: path.write_text("hello"), "neither a video nor a picture"),
    "damaged.heic": (_fake_heic, "damaged.heic"),
    "absent.mp4": (lambda path: None, "no such file"),
}


@pytest.mark.parametrize("typed", [False, True], ids=["dropped", "typed"])
@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_opened_is_one_line(
    window: Window, qtbot: QtBot, tmp_path: Path, name: str, typed: bool
) -> None:
    make, message = BAD[name]
    path = tmp_path / name
    make(path)
    if typed:
        enter(window, str(path))
    else:
        drop(window, QUrl.fromLocalFile(str(path)))
    wait(qtbot, lambda: window.controller.status().source_state is SourceState.FAILED)
    text = window.controller.status().message
    assert message in text
    assert name in text
    assert "\n" not in text
    window.controller.set_source(QUICK)
    wait(qtbot, partial(is_running, window, QUICK))
    assert window.controller.remembered().recent == ()


def test_a_model_without_a_card_is_one_line(
    window: Window, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "open_model", open_model)
    path = tmp_path / "cardless.pte"
    path.write_bytes(bytes(100))
    drop(window, QUrl.fromLocalFile(str(path)))
    wait(qtbot, lambda: "cardless" in window.banner.text.text())
    assert "\n" not in window.banner.text.text()
    assert is_running(window, QUICK)


@pytest.mark.parametrize("suffix", [".jpg", ".avif"])
def test_a_large_picture_is_shown(
    window: Window, qtbot: QtBot, tmp_path: Path, suffix: str
) -> None:
    size = (6000, 4000) if suffix == ".jpg" else (640, 480)
    path = tmp_path / f"large{suffix}"
    if suffix == ".jpg":
        cv2.imwrite(str(path), np.full((size[1], size[0], 3), 128, np.uint8))
    else:
        Image.new("RGB", size, "red").save(path)
    drop(window, QUrl.fromLocalFile(str(path)))
    wait(qtbot, partial(is_running, window, str(path)))
    wait(qtbot, lambda: window.controller.status().frame_size == size)
    wait(qtbot, lambda: window.picture._result is not None)
    wait(qtbot, lambda: not window.banner.isVisible())


def test_a_drop_of_nothing_is_ignored(window: Window) -> None:
    drop(window)
    assert is_running(window, QUICK)
