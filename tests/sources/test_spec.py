"""`SourceSpec`: the kind of a `--source`, and what depends on it."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import pytest
from clips import numbered, write_video
from fake_cameras import FakeCapture
from mjpeg_server import MjpegServer

from seaformer_edge import sources
from seaformer_edge.errors import SourceError
from seaformer_edge.sources import SourceInfo, SourceSpec, devices, open_source
from seaformer_edge.sources.spec import KINDS, expand_displayed


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("-", "standard input"),
        ("sample", "sample"),
        ("picamera", "picamera"),
        ("synthetic", "synthetic"),
        ("synthetic:1280x720@30", "synthetic"),
        ("synthetic:large", "synthetic"),
        ("RTSP://host/live", "url"),
        (".", "path"),
        ("0", "camera"),
        ("/dev/video7", "camera"),
        ("/dev/v4l/by-id/usb-unplugged", "camera"),
        ("frames/*.png", "pattern"),
        ("street.mp4", "unknown"),
        ("a\0b", "unknown"),
    ],
)
def test_the_kind_of_a_text(
    text: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = SourceSpec.parse(text)
    assert (spec.text, spec.kind.name) == (text, kind)
    assert spec.runs_in_worker == spec.is_live == (kind in {"picamera", "url", "camera"})


def test_a_file_or_folder_comes_before_a_camera_but_not_before_a_keyword(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("0", "sample"):
        Path(name).touch()
    assert SourceSpec.parse("0").kind.name == "path"
    assert SourceSpec.parse("sample").kind.name == "sample"
    assert SourceSpec.parse(Path("sample")).kind.name == "path"


def test_a_source_is_as_live_as_its_row_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A camera that is not marked as live would be played as a file and never reconnected."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)
    cameras = [SourceInfo("0", "Integrated Camera", ())]
    monkeypatch.setattr(devices, "list_cameras", lambda: cameras)
    monkeypatch.syspath_prepend(Path(__file__).parent / "fake_picamera2")
    write_video(tmp_path / "clip.mp4", [numbered(0)])
    with MjpegServer() as server:
        Path("camera.txt").write_text(server.url)
        texts = {
            "sample": "sample",
            "picamera": "picamera",
            "synthetic": "synthetic",
            "url": server.url,
            "path": "clip.mp4",
            "camera": "0",
            "camera by name": "camera:integrated",
            "stored URL": "@camera.txt",
            "pattern": "c*.mp4",
        }
        for kind in KINDS:
            if kind.name in ("mistyped URL", "standard input", "unknown"):  # not opened here
                continue
            assert kind.name in texts, "a new kind needs a text here"
            spec = SourceSpec.parse(texts[kind.name])
            assert spec.kind is kind
            with spec.open() as source:
                assert source.is_live == kind.is_live
    del sys.modules["picamera2"]


def test_an_unknown_source_is_an_error() -> None:
    with pytest.raises(SourceError, match=r"street\.mp4: no such file, folder or camera"):
        open_source("street.mp4")
    with pytest.raises(SourceError, match=r"by-id/none: no such camera; .* --list-sources"):
        open_source("/dev/v4l/by-id/none")


def test_a_displayed_name_holds_no_secret() -> None:
    assert SourceSpec.parse("rtsp://user:secret@host/live?key=1").display_name == "rtsp://host/live"
    assert SourceSpec.parse("street.mp4?").display_name == "street.mp4?"


def test_a_text_typed_over_a_displayed_name() -> None:
    known, displayed = "rtsp://user:secret@host/one", "rtsp://host/one"
    assert expand_displayed(displayed, known, displayed) == known
    assert expand_displayed("rtsp://host/two", known, displayed) == "rtsp://user:secret@host/two"
    assert expand_displayed("rtsp://other/two", known, displayed) == "rtsp://other/two"
    assert expand_displayed("street.mp4", known, displayed) == "street.mp4"
    with pytest.raises(SourceError, match="type it again"):
        expand_displayed("rtsp://(not shown)/two", known, displayed)


def test_old_names_work_with_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.png").touch()
    with pytest.warns(DeprecationWarning, match=r"use SourceSpec\.is_live"):
        assert sources.sets_its_own_pace("picamera")
    with pytest.warns(DeprecationWarning, match=r"use SourceSpec\.resolved"):
        assert sources.from_anywhere("a.png") == str(tmp_path / "a.png")
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        _ = sources.absent
