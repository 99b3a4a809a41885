"""Cameras without permission, and picamera2 outside the virtual environment."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seaformer_edge.doctor import cameras
from seaformer_edge.doctor.probes import Answer, ask

FAKE_PICAMERA2 = Path(__file__).parents[1] / "sources" / "fake_picamera2"
FakeModule = Callable[[str, str], None]


@pytest.fixture
def pi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Raspberry Pi on which apt installed picamera2 for this Python."""
    packages = tmp_path / "dist-packages"
    (packages / "picamera2").mkdir(parents=True)
    (tmp_path / "model").write_text("Raspberry Pi 5 Model B Rev 1.0\0")
    system_python = tmp_path / f"python{sys.version_info.major}.{sys.version_info.minor}"
    system_python.touch()
    (tmp_path / "python3").symlink_to(system_python)
    monkeypatch.setattr(cameras, "SYSTEM_PACKAGES", packages)
    monkeypatch.setattr(cameras, "MODEL", tmp_path / "model")
    monkeypatch.setattr(cameras, "SYSTEM_PYTHON", tmp_path / "python3")
    monkeypatch.setattr(cameras, "sees_system_packages", lambda: False)
    return tmp_path


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(cameras, "DEVICES", tmp_path)
    return tmp_path


def test_a_camera(devices: Path, answers: dict[str, Answer]) -> None:
    (devices / "video0").touch()
    answers["cameras"] = Answer(["0 (HD Webcam)"])
    assert cameras.cameras() == cameras.Finding("cameras", "ok", "0 (HD Webcam)")


def test_a_camera_without_permission(
    devices: Path, answers: dict[str, Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    (devices / "video0").touch()
    answers["cameras"] = Answer([])
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    finding = cameras.cameras()
    assert finding.state == "warn"
    assert f"no permission to open {devices / 'video0'}" in finding.message
    assert finding.remedy.startswith("sudo usermod -aG video $USER")


def test_cameras_without_opencv(fake_module: FakeModule) -> None:
    fake_module("cv2", "raise ImportError('no OpenCV here')")
    assert "no OpenCV here" in ask("cameras").failure


def test_a_csi_camera(pi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(FAKE_PICAMERA2))
    assert cameras.picamera() == cameras.Finding("picamera", "ok", "picamera2 finds imx708")


def test_no_csi_camera(pi: Path, answers: dict[str, Answer]) -> None:
    answers["csi_cameras"] = Answer([])
    finding = cameras.picamera()
    assert finding.state == "ok"
    assert "rpicam-hello --list-cameras" in finding.message


def test_no_picamera2_on_a_pi(pi: Path) -> None:
    (pi / "dist-packages" / "picamera2").rmdir()
    finding = cameras.picamera()
    assert finding.state == "ok"
    assert "sudo apt install python3-picamera2" in finding.message


def test_not_a_pi(pi: Path) -> None:
    (pi / "dist-packages" / "picamera2").rmdir()
    (pi / "model").write_text("NVIDIA Jetson Orin Nano Developer Kit\0")
    assert cameras.picamera() == cameras.Finding("picamera", "ok", "not a Raspberry Pi")


def test_picamera2_not_visible_in_the_environment(pi: Path) -> None:
    finding = cameras.picamera()
    assert finding.state == "warn"
    assert "not visible in this virtual environment" in finding.message
    assert finding.remedy.startswith(
        f"{pi / 'python3'} -m venv --system-site-packages {sys.prefix} "
    )


def test_picamera2_of_another_python(pi: Path) -> None:
    (pi / "python3").unlink()
    (pi / "python3.9").touch()
    (pi / "python3").symlink_to(pi / "python3.9")
    finding = cameras.picamera()
    assert finding.state == "warn"
    assert "is for Python 3.9" in finding.message


def test_picamera2_built_for_another_numpy(pi: Path, fake_module: FakeModule) -> None:
    (pi / "dist-packages" / "picamera2").rmdir()  # the fake module replaces it
    error = "numpy.dtype size changed, may indicate binary incompatibility. Expected 96, got 88"
    fake_module("picamera2", f"raise ValueError({error!r})")
    finding = cameras.picamera()
    assert finding.state == "warn"
    assert "simplejpeg" in finding.remedy


def test_picamera2_that_is_broken(
    pi: Path, fake_module: FakeModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_module("picamera2", "raise ImportError('no libcamera.so.0.5')")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    finding = cameras.picamera()
    assert finding.state == "warn"
    assert "no libcamera.so.0.5" in finding.message
