"""scripts/bootstrap: which PyTorch and which system libraries it installs on which machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from loading import load_script

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bootstrap() -> ModuleType:
    return load_script("bootstrap")


def test_nothing_needs_to_be_installed() -> None:
    code = f"import runpy; runpy.run_path({str(ROOT / 'scripts' / 'bootstrap')!r})"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)  # -S: no site-packages


class Shell:
    """Records commands instead of running them. Those that contain a text of `failing` fail."""

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


def test_linux_installs_a_cpu_wheel_with_pip(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert install_torch(bootstrap, monkeypatch) == (True, [f"pip install {CPU_WHEEL}"])


def test_linux_falls_back_to_the_cpu_index(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed, commands = install_torch(bootstrap, monkeypatch, failing=(CPU_WHEEL,))
    assert installed
    assert commands[-1].endswith(CPU_INDEX)


def test_linux_without_a_cpu_build_skips_torch(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = (CPU_WHEEL, CPU_INDEX)
    installed, commands = install_torch(bootstrap, monkeypatch, failing)
    assert not installed
    torch = [command for command in commands if "torch" in command]
    assert all(command.endswith(failing) for command in torch)
    assert "no CPU build of PyTorch" in capsys.readouterr().err


@pytest.mark.parametrize(("platform", "nvidia"), [("darwin", False), ("linux", True)])
def test_the_default_package_on_macos_and_with_nvidia(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, platform: str, nvidia: bool
) -> None:
    installed, commands = install_torch(bootstrap, monkeypatch, platform=platform, nvidia=nvidia)
    assert installed
    assert commands == ["pip install torch==2.13.*"]


def test_an_environment_of_another_python_is_not_changed(
    bootstrap: ModuleType, tmp_path: Path
) -> None:
    assert bootstrap.environment_dir(tmp_path) == tmp_path / ".venv"
    (tmp_path / ".venv" / "lib" / "python3.9").mkdir(parents=True)
    version = f"{bootstrap.sys.version_info.major}.{bootstrap.sys.version_info.minor}"
    assert bootstrap.environment_dir(tmp_path) == tmp_path / f".venv-{version}"


@pytest.fixture
def read_only_checkout(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Path:
    """An empty checkout that cannot be written; nothing is installed."""
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "sources_hash", lambda: "sources")
    monkeypatch.setattr(bootstrap, "install_system_packages", lambda _: None)
    monkeypatch.setattr(bootstrap, "install", lambda environment, *_: environment.mkdir())
    monkeypatch.setattr(bootstrap.os, "access", lambda path, _: path != tmp_path)
    monkeypatch.setattr(bootstrap.sys, "argv", ["bootstrap", "gui"])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_the_environment_of_a_read_only_checkout_is_in_the_cache_folder(
    bootstrap: ModuleType, read_only_checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bootstrap.main()
    made = Path(capsys.readouterr().out.strip()).parents[1]
    assert made.is_relative_to(read_only_checkout / "cache")
    assert bootstrap.is_ready(made, {"gui"})


def test_a_read_only_checkout_with_an_environment_uses_that(
    bootstrap: ModuleType, read_only_checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = read_only_checkout / ".venv"
    environment.mkdir()
    (environment / bootstrap.STAMP).write_text('{"sources": "sources", "extras": ["dev", "gui"]}')
    version = f"{bootstrap.sys.version_info.major}.{bootstrap.sys.version_info.minor}"
    (environment / "lib" / f"python{version}").mkdir(parents=True)
    bootstrap.main()
    assert capsys.readouterr().out == f"{environment}/bin/python\n"


def test_a_read_only_checkout_without_a_cache_folder_is_named(
    bootstrap: ModuleType, read_only_checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    with pytest.raises(SystemExit, match="cannot be written"):
        bootstrap.main()


def apt_packages(
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    extras: set[str],
    failing: tuple[str, ...] = (),
) -> set[str]:
    """The packages that are installed on a Debian without the window's libraries."""
    shell = Shell(failing)
    monkeypatch.setattr(subprocess, "run", shell.run)
    monkeypatch.setattr(bootstrap.sys, "platform", "linux")
    monkeypatch.setattr(bootstrap.os, "geteuid", lambda: 0)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda tool: None if tool == "Xvfb" else tool)
    monkeypatch.setattr(bootstrap, "loads", lambda name: name not in bootstrap.WINDOW_LIBRARIES)
    bootstrap.install_system_packages(extras)
    return {word for command in shell.commands for word in command.split()}


def test_the_gui_extra_installs_the_libraries_of_qt(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = apt_packages(bootstrap, monkeypatch, {"gui"})
    assert {"libegl1", "libxcb-cursor0"} <= packages
    assert "xvfb" not in packages
    assert {"libegl1", "xvfb"} <= apt_packages(bootstrap, monkeypatch, {"dev", "gui"})


def test_other_extras_do_not_install_the_libraries_of_qt(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = apt_packages(bootstrap, monkeypatch, {"dev", "train"})
    assert not packages & {*bootstrap.WINDOW_LIBRARIES.values(), "xvfb"}


def test_missing_libraries_of_qt_are_no_error_without_a_network(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    apt_packages(bootstrap, monkeypatch, {"gui"}, failing=("-qq",))
    assert "missing on this system: sudo apt-get install" in capsys.readouterr().err


def installed(
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    picamera2: bool,
    failing: tuple[str, ...],
) -> tuple[dict[str, bool], list[str]]:
    """The options of the environment and the commands that run, with or without picamera2."""
    made: dict[str, bool] = {}
    shell = Shell(failing)
    monkeypatch.setattr(subprocess, "run", shell.run)
    monkeypatch.setattr(bootstrap.venv, "create", lambda _, **options: made.update(options))
    spec = object() if picamera2 else None
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda _: spec)
    bootstrap.install(Path("no-such-environment"), Path("no-such-python"), set())
    return made, shell.commands


def test_with_picamera2_the_environment_uses_system_packages(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, commands = installed(bootstrap, monkeypatch, True, ())
    assert made["system_site_packages"]
    assert not [command for command in commands if "simplejpeg" in command]


def test_simplejpeg_is_replaced_if_picamera2_does_not_load(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, commands = installed(bootstrap, monkeypatch, True, ("import picamera2",))
    assert commands[-1].endswith("install --ignore-installed --no-deps simplejpeg")
    assert "doctor" not in capsys.readouterr().err
    installed(bootstrap, monkeypatch, True, ("import picamera2", "simplejpeg"))
    assert "seaformer-edge doctor" in capsys.readouterr().err


def test_without_picamera2_the_environment_is_isolated(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, commands = installed(bootstrap, monkeypatch, False, ("import picamera2",))
    assert not made["system_site_packages"]
    assert not [command for command in commands if "simplejpeg" in command]


def test_a_compiler_that_is_installed_later_triggers_a_rebuild(
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
