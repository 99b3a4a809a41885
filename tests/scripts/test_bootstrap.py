"""scripts/bootstrap: which PyTorch and which system libraries come to which machine."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from loading import load_script

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bootstrap() -> ModuleType:
    return load_script("bootstrap")


class Shell:
    """Takes commands down in place of running them; those that hold `failing` fail."""

    def __init__(self, failing: tuple[str, ...] = ()) -> None:
        self.commands: list[str] = []
        self.failing = failing

    def run(self, command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        self.commands.append(" ".join(map(str, command)))
        failed = any(text in self.commands[-1] for text in self.failing)
        return subprocess.CompletedProcess(command, int(failed))


CPU_WHEEL = "torch==2.13.0+cpu"
CPU_INDEX = "--torch-backend=cpu torch==2.13.*"


def install_torch(
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    failing: tuple[str, ...] = (),
    platform: str = "linux",
    nvidia: bool = False,
) -> tuple[bool, list[str]]:
    shell = Shell(failing)
    monkeypatch.setattr(subprocess, "run", shell.run)
    monkeypatch.setattr(bootstrap.sys, "platform", platform)
    monkeypatch.setattr(bootstrap, "has_nvidia", lambda: nvidia)
    return bootstrap.install_torch(Path("python"), ["pip"]), shell.commands


def test_linux_takes_a_cpu_wheel_that_pip_knows(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert install_torch(bootstrap, monkeypatch) == (True, [f"pip install {CPU_WHEEL}"])


def test_linux_else_asks_the_cpu_index(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed, commands = install_torch(bootstrap, monkeypatch, failing=(CPU_WHEEL,))
    assert installed
    assert commands[-1].endswith(CPU_INDEX)


def test_linux_without_a_cpu_build_goes_without_torch(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = (CPU_WHEEL, CPU_INDEX)
    installed, commands = install_torch(bootstrap, monkeypatch, failing)
    assert not installed
    torch = [command for command in commands if "torch" in command]
    assert all(command.endswith(failing) for command in torch)
    assert "no CPU build of PyTorch" in capsys.readouterr().err


@pytest.mark.parametrize(("platform", "nvidia"), [("darwin", False), ("linux", True)])
def test_the_usual_package_where_it_fits(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, platform: str, nvidia: bool
) -> None:
    installed, commands = install_torch(bootstrap, monkeypatch, platform=platform, nvidia=nvidia)
    assert installed
    assert commands == ["pip install torch==2.13.*"]


def test_an_environment_of_another_python_is_left_alone(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    assert bootstrap.environment_dir() == tmp_path / ".venv"
    (tmp_path / ".venv" / "lib" / "python3.9").mkdir(parents=True)
    version = f"{bootstrap.sys.version_info.major}.{bootstrap.sys.version_info.minor}"
    assert bootstrap.environment_dir() == tmp_path / f".venv-{version}"


def asked_of_apt(
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    extras: set[str],
    failing: tuple[str, ...] = (),
) -> set[str]:
    """The packages installed on a Debian that has no library of a window."""
    shell = Shell(failing)
    monkeypatch.setattr(subprocess, "run", shell.run)
    monkeypatch.setattr(bootstrap.sys, "platform", "linux")
    monkeypatch.setattr(bootstrap.os, "geteuid", lambda: 0)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda tool: None if tool == "Xvfb" else tool)
    monkeypatch.setattr(bootstrap, "loads", lambda name: name not in bootstrap.WINDOW_LIBRARIES)
    bootstrap.install_system_packages(extras)
    return {word for command in shell.commands for word in command.split()}


def test_a_window_brings_qts_libraries(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = asked_of_apt(bootstrap, monkeypatch, {"gui"})
    assert {"libegl1", "libxcb-cursor0"} <= packages
    assert "xvfb" not in packages
    assert {"libegl1", "xvfb"} <= asked_of_apt(bootstrap, monkeypatch, {"dev", "gui"})


def test_without_a_window_nothing_of_it_is_asked_for(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = asked_of_apt(bootstrap, monkeypatch, {"dev", "train"})
    assert not packages & {*bootstrap.WINDOW_LIBRARIES.values(), "xvfb"}


def test_a_window_is_no_reason_to_stop_without_a_network(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked_of_apt(bootstrap, monkeypatch, {"gui"}, failing=("-qq",))
    assert "missing on this system: sudo apt-get install" in capsys.readouterr().err


def installed(
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    picamera2: bool,
    failing: tuple[str, ...],
) -> tuple[dict[str, bool], list[str]]:
    """How the environment is made, and what is run, where this Python has picamera2 or not."""
    made: dict[str, bool] = {}
    shell = Shell(failing)
    monkeypatch.setattr(subprocess, "run", shell.run)
    monkeypatch.setattr(bootstrap.venv, "create", lambda _, **options: made.update(options))
    spec = object() if picamera2 else None
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda _: spec)
    bootstrap.install(Path("no-such-environment"), Path("no-such-python"), set())
    return made, shell.commands


def test_a_raspberry_pis_environment_sees_picamera2(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, commands = installed(bootstrap, monkeypatch, True, ())
    assert made["system_site_packages"]
    assert not [command for command in commands if "simplejpeg" in command]


def test_picamera2_beside_numpy_2_gets_another_simplejpeg(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, commands = installed(bootstrap, monkeypatch, True, ("import picamera2",))
    assert commands[-1].endswith("install --ignore-installed --no-deps simplejpeg")
    assert "doctor" not in capsys.readouterr().err
    installed(bootstrap, monkeypatch, True, ("import picamera2", "simplejpeg"))
    assert "seaformer-edge doctor" in capsys.readouterr().err


def test_elsewhere_an_environment_stands_alone(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, commands = installed(bootstrap, monkeypatch, False, ("import picamera2",))
    assert not made["system_site_packages"]
    assert not [command for command in commands if "simplejpeg" in command]


def test_a_compiler_that_came_later_builds_again(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = set()
    for found in (False, True):
        for headers in (False, True):
            monkeypatch.setattr(bootstrap, "has_compiler", lambda found=found: found)
            monkeypatch.setattr(bootstrap, "has_headers", lambda headers=headers: headers)
            hashes.add((found and headers, bootstrap.sources_hash()))
    assert len(hashes) == 2
    assert len({digest for _, digest in hashes}) == 2
