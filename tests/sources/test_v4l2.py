"""V4L2's ioctls, with a fake driver."""

from __future__ import annotations

import errno
import struct
from pathlib import Path
from typing import Any

import pytest

from seaformer_edge.sources.info import VideoMode

v4l2 = pytest.importorskip("seaformer_edge.sources.v4l2", reason="Linux only")

CAPTURE, OUTPUT, METADATA, DEVICE_CAPS = 0x1, 0x2, 0x800000, 0x80000000
YUYV, MJPG = (int.from_bytes(code, "little") for code in (b"YUYV", b"MJPG"))
# format: {size: rates}, rates as fractions of a second
WEBCAM = {
    YUYV: {(640, 480): [(1, 30), (1, 15)], (1280, 720): [(1, 10)]},
    MJPG: {(640, 480): [(1, 30)], (1280, 720): [(1, 30), (1001, 30_000)]},
}


class FakeDriver:
    """Answers the ioctl calls of `v4l2`."""

    def __init__(self) -> None:
        self.driver = b"uvcvideo"
        self.capabilities = DEVICE_CAPS | CAPTURE | METADATA
        self.of_device = CAPTURE
        self.formats: dict[int, dict[tuple[int, int], list[tuple[int, int]]]] = WEBCAM
        self.stepwise = False
        self.controls: dict[int, tuple[int, int, int]] = {}  # lowest, highest, flags

    def ioctl(self, device: int, request: int, answer: bytearray) -> None:
        assert request >> 16 & 0x3FFF == len(answer), "the size of the structure is in the number"
        {
            v4l2._QUERYCAP: self._capability,
            v4l2._ENUM_FMT: self._format,
            v4l2._ENUM_FRAMESIZES: self._size,
            v4l2._ENUM_FRAMEINTERVALS: self._interval,
            v4l2._QUERYCTRL: self._control,
        }[request](answer)

    def _capability(self, answer: bytearray) -> None:
        struct.pack_into("=16s", answer, 0, self.driver)
        struct.pack_into("=II", answer, 84, self.capabilities, self.of_device)

    def _format(self, answer: bytearray) -> None:
        index, kind = struct.unpack_from("=II", answer)
        assert kind == CAPTURE
        struct.pack_into("=I", answer, 44, self._nth(list(self.formats), index))

    def _size(self, answer: bytearray) -> None:
        index, pixels = struct.unpack_from("=II", answer)
        if self.stepwise:
            struct.pack_into("=I6I", answer, 8, 3, 32, 1920, 2, 32, 1080, 2)
        else:
            struct.pack_into("=III", answer, 8, 1, *self._nth(list(self.formats[pixels]), index))

    def _interval(self, answer: bytearray) -> None:
        index, pixels, *size = struct.unpack_from("=IIII", answer)
        rates = [(1, 60)] if self.stepwise else self.formats[pixels][size[0], size[1]]
        kind = 3 if self.stepwise else 1
        struct.pack_into("=III", answer, 16, kind, *self._nth(rates, index))

    def _control(self, answer: bytearray) -> None:
        (control,) = struct.unpack_from("=I", answer)
        if control not in self.controls:
            raise OSError(errno.EINVAL, "Invalid argument")
        low, high, flags = self.controls[control]
        struct.pack_into("=I32siiiiI", answer, 4, 1, b"Gain", low, high, 1, low, flags)

    def _nth(self, values: list[Any], index: int) -> Any:
        if index >= len(values):
            raise OSError(errno.EINVAL, "Invalid argument")
        return values[index]


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    driver = FakeDriver()
    for folder in ("sys", "dev"):
        (tmp_path / folder).mkdir()
    monkeypatch.setattr(v4l2, "SYSFS", tmp_path / "sys")
    monkeypatch.setattr(v4l2, "DEVICES", tmp_path / "dev")
    monkeypatch.setattr(v4l2.fcntl, "ioctl", driver.ioctl)
    plug_in(tmp_path, 0, "HD Pro Webcam C920")
    return driver


def plug_in(tmp_path: Path, number: int, name: str) -> None:
    node = tmp_path / "sys" / f"video{number}"
    node.mkdir()
    (node / "name").write_text(f"{name}\n")
    (tmp_path / "dev" / node.name).touch()


def test_sizes_and_rates_of_all_formats(driver: FakeDriver) -> None:
    (camera,) = v4l2.cameras()
    assert (camera.spec, camera.name) == ("0", "HD Pro Webcam C920")
    assert camera.modes == (
        VideoMode(1280, 720, (30.0, 29.97, 10.0)),
        VideoMode(640, 480, (30.0, 15.0)),
    )


def test_a_range_of_sizes_is_listed_by_its_largest(driver: FakeDriver) -> None:
    driver.stepwise = True
    (camera,) = v4l2.cameras()
    assert camera.modes == (VideoMode(1920, 1080, (60.0,)),)


def test_the_range_of_a_control(driver: FakeDriver) -> None:
    driver.controls = {5: (-3, 255, 0), 6: (0, 1, v4l2._CONTROL_DISABLED)}
    assert v4l2.control_range(0, 5) == (-3, 255)
    assert v4l2.control_range(0, 6) is None
    assert v4l2.control_range(0, 7) is None
    assert v4l2.control_range(9, 5) is None, "no such camera"


def test_cameras_are_ordered_by_number(driver: FakeDriver, tmp_path: Path) -> None:
    for number in (10, 2):
        plug_in(tmp_path, number, f"camera {number}")
    assert [camera.spec for camera in v4l2.cameras()] == ["0", "2", "10"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("of_device", METADATA),  # a webcam's second node
        ("driver", b"bcm2835-isp"),
        ("driver", b"pispbe"),
        ("driver", b"rp1-cfe"),
    ],
)
def test_other_devices_are_not_listed(driver: FakeDriver, field: str, value: object) -> None:
    setattr(driver, field, value)
    assert v4l2.cameras() == []


def test_old_drivers_report_the_capabilities_of_the_whole_device(driver: FakeDriver) -> None:
    driver.capabilities, driver.of_device = CAPTURE, 0
    assert len(v4l2.cameras()) == 1


def test_a_camera_that_was_just_unplugged(driver: FakeDriver, tmp_path: Path) -> None:
    (tmp_path / "dev" / "video0").unlink()
    assert v4l2.cameras() == []


def test_a_camera_that_does_not_answer(driver: FakeDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENODEV, "No such device")

    monkeypatch.setattr(v4l2.fcntl, "ioctl", fail)
    assert v4l2.cameras() == []
