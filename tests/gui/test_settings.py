"""Which settings are stored."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

from PySide6.QtCore import QSettings

from seaformer_edge.inference.modes import Mode
from seaformer_edge.sources import CameraSettings
from seaformer_edge_gui.settings import MAX_EVERY, Settings, Theme, load, save, with_recent


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "settings.ini")


def opened(path: str) -> QSettings:
    return QSettings(path, QSettings.Format.IniFormat)


def test_all_settings_are_restored(path: str) -> None:
    settings = Settings(
        source="0",
        model="seaformer-s",
        threads=1,
        every=3,
        smoothing=0.25,
        full_speed=True,
        mode=Mode.EDGES,
        opacity=0.7,
        loop=False,
        picture_s=10.0,
        recent=("/videos/a, b.mp4", "rtsp://cam/1"),
        mirrored=True,
        cameras={"0": CameraSettings((640, 480), 15.0, 90, True, gain=3.0)},
        theme=Theme.LIGHT,
    )
    store = opened(path)
    save(settings, store)
    store.sync()
    assert load(opened(path)) == settings


def test_an_empty_store_gives_the_defaults(path: str) -> None:
    assert load(opened(path)) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mode", "upside down"),
        ("cameras", '{"0": {"rotate": 45}}'),
        ("cameras", "[1, 2]"),
        ("theme", "mauve"),
        ("opacity", "much"),
        ("threads", ""),
        ("mirrored", "perhaps"),
        ("smoothing", "nan"),
        ("recent", "[1"),
        ("recent", "7"),
        ("opacity", "inf"),
    ],
)
def test_an_invalid_value_gives_the_default(path: str, name: str, value: str) -> None:
    store = opened(path)
    save(Settings(source="kept"), store)
    store.setValue(name, value)
    assert load(store) == Settings(source="kept")


def test_numbers_stay_within_their_limits(path: str) -> None:
    store = opened(path)
    for name, value in (("opacity", "7"), ("every", "9999"), ("threads", "-3")):
        store.setValue(name, value)
    settings = load(store)
    assert (settings.opacity, settings.every, settings.threads) == (1.0, MAX_EVERY, 0)


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://me:secret@cam/live",
        "http://cam/video?key=secret",
        "rtmps://me:secret@x",
        "me:secret@cam",
    ],
)
def test_a_url_with_a_secret_is_not_stored(path: str, url: str) -> None:
    store = opened(path)
    save(Settings(source=url), store)
    store.sync()
    assert "secret" not in Path(path).read_text()
    save(Settings(source="http://cam/video"), store)
    assert load(store).source == "http://cam/video"


def test_recent_sources_are_kept_without_secrets(path: str) -> None:
    recent: tuple[str, ...] = ()
    for source in ("a", "b", "rtsp://me:secret@cam/1", *"cdefghib"):
        recent = with_recent(recent, source)
    assert recent == tuple("bihgfedc")
    store = opened(path)
    save(Settings(recent=("a", "rtsp://me:secret@cam/1", "https://cam/x?token=secret")), store)
    store.sync()
    assert load(opened(path)).recent == ("a",)
    assert "secret" not in Path(path).read_text()
