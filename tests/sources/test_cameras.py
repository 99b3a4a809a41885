"""USB and ribbon cameras: opened, unplugged, in use, missing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any

import cv2
import pytest
from fake_cameras import FakeCapture

from seaformer_edge.errors import SourceError
from seaformer_edge.sources import (
    CameraSettings,
    CameraSource,
    SourceInfo,
    SourceSpec,
    camera,
    devices,
    listing,
    open_source,
)
from seaformer_edge.sources.camera_settings import AUTOMATIC

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="names and MJPG are Linux's here")


@pytest.fixture(autouse=True)
def _camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)
    monkeypatch.setattr(FakeCapture, "present", {0, 2})
    monkeypatch.setattr(FakeCapture, "opened", [])
    monkeypatch.setattr(FakeCapture, "clock", "driver")
    monkeypatch.setattr(FakeCapture, "refuses", {})


@pytest.fixture
def picamera2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(Path(__file__).parent / "fake_picamera2")
    import picamera2

    yield picamera2
    assert not picamera2.Picamera2.in_use
    del sys.modules["picamera2"]


@LINUX
def test_a_camera_is_opened_with_few_buffers_and_motion_jpeg() -> None:
    open_source("0").close()
    properties = FakeCapture.opened[0].properties
    assert properties[cv2.CAP_PROP_BUFFERSIZE] == 3
    assert properties[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"MJPG")
    assert (properties[cv2.CAP_PROP_FRAME_WIDTH], properties[cv2.CAP_PROP_FRAME_HEIGHT]) == (
        1280,
        720,
    )
    assert list(properties).index(cv2.CAP_PROP_FOURCC) == 0, "the size is chosen within the format"


@pytest.mark.parametrize("spec", ["2", "/dev/video2"])
def test_a_camera_by_number_or_device(spec: str) -> None:
    with open_source(spec) as source:
        assert isinstance(source, CameraSource)
        assert FakeCapture.opened[0].number == 2


@LINUX
def test_a_camera_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    cameras = [SourceInfo("0", "Integrated Camera", ()), SourceInfo("2", "HD Pro Webcam C920", ())]
    monkeypatch.setattr(devices, "list_cameras", lambda: cameras)
    for name in ("camera:webcam c920", "camera:HD Pro Webcam C920"):
        with open_source(name) as source:
            assert source.name == "HD Pro Webcam C920"
            assert FakeCapture.opened[-1].number == 2
    with pytest.raises(SourceError, match="camera:c930: no such camera"):
        open_source("camera:c930")
    assert SourceSpec.parse("camera:c930").is_live, "it may be plugged in later"


@LINUX
@pytest.mark.parametrize("word", ["rat", "C920", "Integrated Camera", "camera"])
def test_a_word_is_not_looked_for_in_the_names_of_cameras(
    monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    cameras = [SourceInfo("0", "Integrated Camera", ()), SourceInfo("2", "HD Pro Webcam C920", ())]
    monkeypatch.setattr(devices, "list_cameras", lambda: cameras)
    with pytest.raises(SourceError, match=f"{word}: no such file"):
        open_source(word)
    assert not FakeCapture.opened


@LINUX
def test_a_whole_name_comes_before_a_part_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    cameras = [SourceInfo("0", "USB Camera 2", ()), SourceInfo("2", "USB Camera", ())]
    monkeypatch.setattr(devices, "list_cameras", lambda: cameras)
    open_source("camera:usb camera").close()
    assert FakeCapture.opened[0].number == 2


def test_settings_are_asked_of_a_camera_and_refusals_reported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = CameraSettings((640, 480), 60, 90, gain=9)
    monkeypatch.setattr(FakeCapture, "refuses", {cv2.CAP_PROP_FPS: 30.0})
    with open_source("0", settings) as source:
        assert source.frame_size == (64, 96)
        assert next(iter(source)).image.shape == (96, 64, 3)
    assert FakeCapture.opened[0].properties[cv2.CAP_PROP_FRAME_WIDTH] == 640
    assert caplog.messages == [
        "camera 0: the camera refused 640x480 (gives 96x64), 60 frames per second (gives 30), gain"
    ]


def test_a_camera_that_gives_what_was_not_asked_is_not_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    open_source("0", CameraSettings((96, 64), flip=True)).close()
    assert not caplog.messages


@LINUX
def test_controls_of_a_camera(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ranges = {0x009A0902: (1, 5000), 0x0098091A: (2800, 6500)}  # exposure, white balance
    monkeypatch.setattr(camera.v4l2, "control_range", lambda _, number: ranges.get(number))
    monkeypatch.setattr(FakeCapture, "refuses", {cv2.CAP_PROP_EXPOSURE: 333.0})
    settings = CameraSettings(exposure_ms=50, white_balance_k=AUTOMATIC)
    with open_source("0", settings) as source:
        assert source.controls == {"exposure_ms": (0.1, 500), "white_balance_k": (2800, 6500)}
    properties = FakeCapture.opened[0].properties
    assert (properties[cv2.CAP_PROP_AUTO_EXPOSURE], properties[cv2.CAP_PROP_EXPOSURE]) == (1, 500)
    assert properties[cv2.CAP_PROP_AUTO_WB] == 1
    assert cv2.CAP_PROP_WB_TEMPERATURE not in properties
    assert caplog.messages == ["camera 0: the camera refused exposure 50 ms (gives 33.3 ms)"]


def test_a_camera_by_a_link_to_its_device(tmp_path: Path) -> None:
    link = tmp_path / "usb-046d_HD_Pro_Webcam_C920-video-index0"
    link.symlink_to("/dev/video2")
    with open_source(link) as source:
        assert FakeCapture.opened[0].number == 2
        assert source.name == str(link)
    assert SourceSpec.parse(link).is_live
    assert SourceSpec.parse("/dev/v4l/by-id/usb-unplugged").is_live, "it may be plugged in later"
    link.unlink()
    link.touch()
    assert not SourceSpec.parse(link).is_live


def test_links_to_devices_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any character device serves as the link of a plugged-in camera."""
    monkeypatch.setattr(devices.os.path, "realpath", lambda _: "/dev/video2")
    assert SourceSpec.parse("/dev/null").is_live
    open_source("/dev/null").close()
    assert FakeCapture.opened[0].number == 2


@LINUX
def test_a_camera_by_name_that_this_user_may_not_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seaformer_edge.sources import v4l2

    node = tmp_path / "video7"
    node.mkdir()
    (node / "name").write_text("HD Pro Webcam C920\n")
    monkeypatch.setattr(v4l2, "SYSFS", tmp_path)
    monkeypatch.setattr(v4l2, "DEVICES", tmp_path)  # a folder does not open either
    with pytest.raises(SourceError, match=r"C920: cannot be opened; .* this user may read it"):
        open_source("camera:c920")


@pytest.mark.parametrize("spec", ["a\0b", "\ud800", "~nobody there"])
def test_what_cannot_be_a_path_is_no_camera(spec: str) -> None:
    assert not SourceSpec.parse(spec).is_live
    with pytest.raises(SourceError):
        open_source(spec)


def test_a_file_comes_before_a_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "0").write_bytes(b"no video")
    with pytest.raises(SourceError, match="neither a video nor a picture"):
        open_source("0")


def test_a_missing_camera() -> None:
    with pytest.raises(
        SourceError, match="camera 7: cannot be opened; check that it is plugged in"
    ):
        open_source("7")
    assert all(capture.released for capture in FakeCapture.opened)


def test_an_unplugged_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_source("0") as source:
        frames = iter(source)
        list(islice(frames, 3))
        monkeypatch.setattr(FakeCapture, "present", set())
        with pytest.raises(SourceError, match=r"camera 0: .* is it still plugged in"):
            next(frames)
    assert FakeCapture.opened[0].released


def test_a_camera_without_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeCapture, "read", lambda self: (False, None))
    with pytest.raises(SourceError, match="is another program using it"):
        open_source("0")
    assert FakeCapture.opened[0].released


def test_capture_time_is_the_drivers_if_it_uses_the_monotonic_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with open_source("0") as source:
        frames = iter(source)
        assert next(frames).captured_at_s == pytest.approx(FakeCapture.opened[0].time_s, abs=1e-6)
        monkeypatch.setattr(FakeCapture, "clock", "none")
        before_s = monotonic()
        assert before_s < (next(frames).captured_at_s or 0) <= monotonic()


def test_iterating_reopens_a_closed_camera() -> None:
    source = open_source("0")
    source.close()
    assert len(list(islice(iter(source), 3))) == 3
    source.close()
    assert len(FakeCapture.opened) == 2


def test_ribbon_camera_releases_its_buffers(picamera2: Any) -> None:
    with open_source("picamera") as source:
        # The fake has four buffers and fails if none is free.
        frames = list(islice(iter(source), 10))
        assert source.frame_size == (1280, 704)
        assert frames[0].image.shape == (704, 1280, 3)
        assert monotonic() - 5 < (frames[0].captured_at_s or 0) < monotonic() - 0.004


def test_settings_of_a_ribbon_camera(picamera2: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings = CameraSettings((1280, 704), 50, 270, exposure_ms=8, gain=20, white_balance_k=4000)
    with open_source("picamera", settings) as source:
        assert source.frame_size == (704, 1280)
        assert next(iter(source)).image.shape == (1280, 704, 3)
        assert source.controls == {"exposure_ms": (0.1, 60), "gain": (1, 16)}
        assert source._camera.controls == {  # type: ignore[attr-defined]
            "FrameDurationLimits": (20_000, 20_000),
            **{"ExposureTime": 8000, "AeEnable": False, "AnalogueGain": 16},
        }
    assert caplog.messages == ["picamera: the camera refused gain 20 (gives 16), white balance"]


def test_ribbon_camera_in_use(picamera2: Any) -> None:
    with (
        open_source("picamera"),
        pytest.raises(SourceError, match="picamera: in use by another program"),
    ):
        open_source("picamera")


def test_ribbon_camera_is_closed_after_an_error(
    picamera2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Any, configuration: Any) -> None:
        raise RuntimeError("no such format")

    monkeypatch.setattr(picamera2.Picamera2, "configure", refuse)
    with pytest.raises(SourceError, match=r"picamera: cannot be started \(no such format\)"):
        open_source("picamera")


def test_ribbon_camera_of_another_format(picamera2: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """libcamera silently adjusts what it does not support; only its configuration shows it."""
    adjusted = {"main": {"size": (1280, 704), "format": "NV12"}}
    monkeypatch.setattr(picamera2.Picamera2, "camera_configuration", lambda self: adjusted)
    with pytest.raises(SourceError, match="is NV12 instead of BGR888"):
        open_source("picamera")


USB_CAMERA = {"Model": "HD Webcam", "Id": "/base/scb/pcie@7d500000/usb@0,0-1.3:1.0-046d:0825"}


@pytest.mark.parametrize("cameras", [[], [USB_CAMERA]], ids=["none", "on USB"])
def test_no_ribbon_camera(
    picamera2: Any, monkeypatch: pytest.MonkeyPatch, cameras: list[dict[str, str]]
) -> None:
    monkeypatch.setattr(picamera2.Picamera2, "cameras", cameras)
    assert "picamera" not in [source.spec for source in listing.list_sources()]
    with pytest.raises(SourceError, match="picamera: no camera found; is its ribbon cable seated"):
        open_source("picamera")


def test_picamera2_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(SourceError, match="sudo apt install python3-picamera2"):
        open_source("picamera")


def test_picamera2_built_for_another_numpy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "picamera2.py").write_text("raise ValueError('numpy.dtype size changed')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SourceError, match="--ignore-installed --no-deps simplejpeg"):
        open_source("picamera")
    assert listing.list_sources()[-1].spec == "synthetic", "the others are listed all the same"


def test_list(monkeypatch: pytest.MonkeyPatch, picamera2: Any) -> None:
    webcam = SourceInfo("0", "HD Pro Webcam C920", ())
    monkeypatch.setattr(listing, "list_cameras", lambda: [webcam])
    sources = listing.list_sources()
    assert [source.spec for source in sources] == ["0", "picamera", "sample", "synthetic"]
    assert sources[1].name == "imx708"
    assert sources[2].modes[0].rates == (25.0,)
    for source in sources[2:]:
        with open_source(source.spec) as opened:
            mode = source.modes[0]
            assert opened.frame_size == (mode.width, mode.height)


def test_cameras_are_probed_if_the_system_does_not_list_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    found = devices.list_cameras()
    assert [camera.spec for camera in found] == ["0", "2"]
    assert found[0].modes[0].rates == (30.0,)
    assert all(capture.released for capture in FakeCapture.opened)
    assert devices.find_camera("street.mp4") is None
