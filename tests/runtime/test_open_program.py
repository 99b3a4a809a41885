"""Which binding `open_program` uses. Each test runs in a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seaformer_edge.errors import ModelError
from seaformer_edge.runtime import open_program

PROGRAM = Path(__file__).parents[1] / "data" / "programs" / "nhwc.pte"

OPEN = f"""
from seaformer_edge.runtime import open_program
print(type(open_program({str(PROGRAM)!r})).__name__)
"""
COUNT_LIBRARIES = """
names = {line.split()[-1] for line in open("/proc/self/maps") if "/libexecutorch.so" in line}
print(len(names))
"""
HIDE_NATIVE = "import sys; sys.modules['seaformer_edge._native'] = None\n"
HIDE_TORCH = "import sys; sys.modules['torch'] = None\n"


def python(code: str, binding: str = "") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"SEAFORMER_EDGE_BINDING": binding}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )


def needs_native() -> None:
    pytest.importorskip("seaformer_edge._native", reason="the native extension is not built")


def needs_official() -> None:
    pytest.importorskip("torch", reason="the official binding needs torch (extra: train)")
    pytest.importorskip("executorch", reason="the official binding needs executorch")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.pte: no such program file"):
        open_program(tmp_path / "absent.pte")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such program"):
        open_program(tmp_path)


@pytest.mark.parametrize("num_threads", [0, -1])
def test_invalid_number_of_threads(num_threads: int) -> None:
    with pytest.raises(ModelError, match=f"cannot run on {num_threads} threads"):
        open_program(PROGRAM, num_threads)


def test_native_is_preferred() -> None:
    needs_native()
    run = python(OPEN)
    assert (run.stdout, run.stderr) == ("NativeProgram\n", "")


OFFICIAL_FIRST = f"""
import sys
from pathlib import Path
import numpy as np
from seaformer_edge.runtime import open_program

path = Path({str(PROGRAM)!r})
image = np.full((32, 48, 3), 7, np.float32)
sys.modules["seaformer_edge._native"] = None
official = open_program(path)
del sys.modules["seaformer_edge._native"]
from seaformer_edge.runtime.native import NativeProgram
assert np.array_equal(official.run(image), NativeProgram(path, None).run(image))
print(type(official).__name__)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/maps")
def test_official_logs_one_line_and_native_can_be_loaded_after_it() -> None:
    """test_program.py loads them in the other order."""
    needs_native()
    needs_official()
    run = python(OFFICIAL_FIRST + COUNT_LIBRARIES)
    assert run.stdout == "OfficialProgram\n1\n"
    lines = [line for line in run.stderr.splitlines() if ".cpp:" not in line]  # ExecuTorch's own
    assert len(lines) == 1
    assert "native extension of seaformer-edge is not installed" in lines[0]


def test_no_binding_is_installed() -> None:
    run = python(HIDE_NATIVE + HIDE_TORCH + OPEN)
    assert run.returncode == 1
    last = run.stderr.splitlines()[-1]
    assert "installed without its native part" in last
    for packages in ("g++ python3-dev", "gcc-c++ python3-devel", "xcode-select --install"):
        assert packages in last


def test_no_fallback_if_native_is_selected() -> None:
    run = python(HIDE_NATIVE + OPEN, binding="native")
    assert run.returncode == 1
    assert "ModelError: SEAFORMER_EDGE_BINDING=native" in run.stderr


def test_unknown_binding_is_selected() -> None:
    run = python(OPEN, binding="fast")
    assert "ModelError: SEAFORMER_EDGE_BINDING=fast: must be native or official" in run.stderr


def test_native_is_refused_if_libraries_of_another_version_are_loaded() -> None:
    needs_native()
    run = python("""
import importlib.metadata, sys
sys.modules["executorch.extension.pybindings._C"] = object()
importlib.metadata.version = lambda name: "1.5.0"
import seaformer_edge.runtime.native
""")
    assert "ImportError: built with executorch 1.5." in run.stderr
    assert "but 1.5.0 is already loaded" in run.stderr
