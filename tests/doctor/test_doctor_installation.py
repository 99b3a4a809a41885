"""Python, libraries that do not load, two OpenCVs, a missing native extension."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from seaformer_edge.doctor import installation, probes
from seaformer_edge.doctor.probes import Answer
from seaformer_edge.machine import build_tools

FakeModule = Callable[[str, str], None]


def test_a_python_that_is_too_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 15, 0, "final", 0))
    finding = installation.python()
    assert finding.state == "error"
    assert "3.11 to 3.14" in finding.message


def test_an_environment_that_sees_the_systems_packages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert not installation.sees_system_packages()
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = true\n")
    assert "with the system's packages" in installation.python().message


def test_libraries_of_this_environment() -> None:
    finding = installation.libraries()
    assert finding.state == "ok"
    assert f"numpy {metadata.version('numpy')}" in finding.message


def test_a_missing_system_library(fake_module: FakeModule) -> None:
    error = "libGL.so.1: cannot open shared object file: No such file or directory"
    fake_module("cv2", f"raise ImportError({error!r})")
    finding = installation.libraries()
    assert finding.state == "error"
    assert "cv2 does not load" in finding.message
    assert finding.remedy == "sudo apt-get install libgl1"


def test_a_library_that_crashes(fake_module: FakeModule) -> None:
    fake_module("av", "import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    finding = installation.libraries()
    assert finding.state == "error"
    assert "av does not load: was ended by an instruction that this processor" in finding.message
    assert finding.remedy.endswith("pip install --force-reinstall --no-deps av")


def test_a_library_that_hangs(fake_module: FakeModule) -> None:
    fake_module("av", "import time; time.sleep(600)")
    assert probes.ask("load", "av", timeout_s=1) == Answer(failure="no answer within 1 s")


def test_a_module_that_prints(fake_module: FakeModule) -> None:
    fake_module("av", "print('welcome')")
    assert probes.ask("load", "av") == Answer("")


def install_fake(folder: Path, distribution: str) -> None:
    about = folder / f"{distribution.replace('-', '_')}-4.11.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 4.11.0\n"
    )


def test_two_opencvs_in_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_fake(tmp_path, "opencv-python")
    install_fake(tmp_path, "opencv-contrib-python")
    monkeypatch.syspath_prepend(tmp_path)
    finding = installation.opencv()
    assert finding.state == "warn"
    assert "overwrite each other" in finding.message
    assert "uninstall --yes opencv-contrib-python opencv-python\n" in finding.remedy


def test_opencv_of_the_system_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_fake(tmp_path, "opencv-python")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert installation.opencv().state == "ok"


def test_an_opencv_that_contains_qt(fake_module: FakeModule) -> None:
    fake_module("cv2", "import os; os.environ['QT_QPA_PLATFORM_PLUGIN_PATH'] = '/cv2/qt'")
    finding = installation.opencv()
    assert finding.state == "warn"
    assert "contains another Qt" in finding.message
    assert "install opencv-python-headless" in finding.remedy


def test_the_native_binding() -> None:
    pytest.importorskip("seaformer_edge._native", reason="the native extension is not built")
    finding = installation.runtime()
    assert finding.state == "ok"
    assert finding.message.startswith("native binding, ExecuTorch 1.5")


NEITHER_BINDING = """
import sys
sys.modules["seaformer_edge._native"] = sys.modules["torch"] = None
"""


def test_no_binding(fake_module: FakeModule, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_module("sitecustomize", NEITHER_BINDING)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(build_tools.sysconfig, "get_path", lambda _: "/nowhere")
    monkeypatch.setattr(sys, "platform", "linux")
    finding = installation.runtime()
    assert finding.state == "error"
    assert "no native binding (" in finding.message
    assert "installed without its native part" in finding.message
    first, second = finding.remedy.splitlines()
    assert first == "sudo apt-get install g++ python3-dev"
    assert second.startswith(f"{sys.executable} -m pip install --force-reinstall --no-deps ")


@pytest.mark.parametrize(
    ("platform", "tool", "line"),
    [
        ("linux", "dnf", "sudo dnf install gcc-c++ python3-devel"),
        ("linux", "apt-get", "sudo apt-get install g++ python3-dev"),
        ("darwin", "", "xcode-select --install"),
        ("linux", "g++", "sudo apt-get install g++ python3-dev"),
    ],
)
def test_packages_that_building_needs(
    platform: str, tool: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: name if name == tool else None)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(build_tools.sysconfig, "get_path", lambda _: "/nowhere")
    assert build_tools.install_line() == line


def test_an_unknown_binding_is_selected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAFORMER_EDGE_BINDING", "fastest")
    finding = installation.runtime()
    assert finding.state == "error"
    assert "SEAFORMER_EDGE_BINDING=fastest" in finding.message
    assert finding.remedy == "unset SEAFORMER_EDGE_BINDING"


def official(why_not: str) -> Answer:
    return Answer({"binding": "official", "executorch": "", "why_not": why_not, "problem": ""})


def test_the_official_binding_in_place_of_the_native(answers: dict[str, Answer]) -> None:
    why = "libexecutorch.so: cannot open shared object file"
    answers["runtime"] = official(why)
    finding = installation.runtime()
    assert finding.state == "warn"
    assert why in finding.message
    assert "pip install" in finding.remedy


def test_the_official_binding_is_selected(answers: dict[str, Answer]) -> None:
    answers["runtime"] = official("")
    assert installation.runtime().remedy == "unset SEAFORMER_EDGE_BINDING"


def test_a_runtime_that_crashes(answers: dict[str, Answer]) -> None:
    answers["runtime"] = Answer(failure="was ended by SIGSEGV")
    finding = installation.runtime()
    assert finding.state == "error"
    assert "SIGSEGV" in finding.message


def test_reinstall_command_of_an_editable_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    class Editable:
        def read_text(self, name: str) -> str:
            return json.dumps({"url": "file:///home/a b/edge", "dir_info": {"editable": True}})

    monkeypatch.setattr(metadata, "distribution", lambda _: Editable())
    line = installation.reinstall_command()
    force = "--force-reinstall --no-deps --editable"
    assert line == f"{sys.executable} -m pip install {force} '/home/a b/edge'"


def test_training_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    finding = installation.training()
    assert finding.state == "ok"
    assert "needed only for training and export" in finding.message
