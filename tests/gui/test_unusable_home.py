"""The window in a process that cannot write to its home folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import wait_until
from mjpeg_server import MjpegServer

pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)


def test_it_runs_without_a_writable_home(tmp_path: Path) -> None:
    folders = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")
    nowhere = dict.fromkeys(folders, "/dev/null/nowhere")
    environment = {**os.environ, **nowhere, "QT_QPA_PLATFORM": "offscreen"}
    environment.pop("SEAFORMER_EDGE_HOME")
    with MjpegServer() as server:
        demo = subprocess.Popen(
            [sys.executable, "-m", "seaformer_edge", "demo", "--source", server.url],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            wait_until(lambda: server.connections > 0 or demo.poll() is not None, 60)
            demo.send_signal(signal.SIGHUP)  # as when its terminal is closed
            output = demo.communicate(timeout=60)[0]
        finally:
            demo.kill()
    assert demo.returncode == 0, output
    assert "Traceback" not in output
    assert list(tmp_path.iterdir()) == []
