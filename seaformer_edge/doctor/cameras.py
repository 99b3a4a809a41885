"""USB cameras, the permission to open them, and a Raspberry Pi's CSI cameras."""

from __future__ import annotations

import importlib.util
import os
import shlex
import sys
from pathlib import Path

from seaformer_edge.doctor import probes
from seaformer_edge.doctor.finding import Finding
from seaformer_edge.doctor.installation import sees_system_packages

DEVICES = Path("/dev")
SYSTEM_PACKAGES = Path("/usr/lib/python3/dist-packages")
"""Where apt installs modules for the system's Python."""

MODEL = Path("/proc/device-tree/model")
SYSTEM_PYTHON = Path("/usr/bin/python3")


def cameras() -> Finding:
    """Cameras that OpenCV can open. Not checked outside Linux, where that turns them on."""
    if sys.platform != "linux":
        return Finding(
            "cameras", "ok", "not checked; `seaformer-edge demo --list-sources` lists them"
        )
    closed = [str(node) for node in sorted(DEVICES.glob("video*")) if not _may_open(node)]
    answer = probes.ask("cameras")
    if answer.failure:
        return Finding(
            "cameras", "warn", f"listing failed: {answer.failure}", probes.command_line("cameras")
        )
    message = ", ".join(answer.value) or "none found"
    if closed:
        return Finding(
            "cameras",
            "warn",
            f"{message}; this user has no permission to open {', '.join(closed)}",
            "sudo usermod -aG video $USER  # then log out and in again",
        )
    return Finding("cameras", "ok", message)


def _may_open(device: Path) -> bool:
    return os.access(device, os.R_OK | os.W_OK)


def picamera() -> Finding:
    """A Raspberry Pi's CSI cameras. apt installs the picamera2 they need, pip does not."""
    answer = probes.ask("csi_cameras")
    if not answer.failure:
        message = f"picamera2 finds {', '.join(answer.value) or 'no camera'}"
        if answer.value or not _is_raspberry_pi():
            return Finding("picamera", "ok", message)
        return Finding("picamera", "ok", f"{message}; compare with `rpicam-hello --list-cameras`")
    if "numpy." in answer.failure and "size changed" in answer.failure:
        return Finding(
            "picamera",
            "warn",
            "picamera2 does not load: apt's simplejpeg was built for NumPy 1",
            f"{sys.executable} -m pip install --ignore-installed --no-deps simplejpeg",
        )
    visible = importlib.util.find_spec("picamera2") is not None
    if not visible and not (SYSTEM_PACKAGES / "picamera2").is_dir():
        if not _is_raspberry_pi():
            return Finding("picamera", "ok", "not a Raspberry Pi")
        return Finding(
            "picamera",
            "ok",
            "picamera2 is not installed; CSI cameras need it: sudo apt install python3-picamera2",
        )
    system_version = SYSTEM_PYTHON.resolve().name.removeprefix("python")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    venv = f"{SYSTEM_PYTHON} -m venv --system-site-packages"
    if not visible and system_version != version:
        return Finding(
            "picamera",
            "warn",
            f"apt's picamera2 is for Python {system_version}, but this is Python {version}",
            f"{venv} ~/seaformer-venv  # then install seaformer-edge in it",
        )
    if not visible and not sees_system_packages():
        return Finding(
            "picamera",
            "warn",
            "apt's picamera2 is not visible in this virtual environment",
            f"{venv} {shlex.quote(sys.prefix)}  # keeps the installed packages",
        )
    return Finding(
        "picamera", "warn", answer.failure, "sudo apt install --reinstall python3-picamera2"
    )


def _is_raspberry_pi() -> bool:
    try:
        return MODEL.read_text(errors="replace").startswith("Raspberry Pi")
    except OSError:
        return False
