"""The installation: Python, the libraries, OpenCV's clash with Qt, the runtime, the extras."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import shutil
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

from seaformer_edge.doctor import probes
from seaformer_edge.doctor.finding import Finding
from seaformer_edge.machine.debian import install_line, missing_libraries

LIBRARIES = {
    "numpy": "numpy",
    "opencv-python-headless": "cv2",
    "av": "av",
    "psutil": "psutil",
    "tqdm": "tqdm",
}
"""Distribution to module, of what a segmentation loads."""

BINDING_VARIABLE = "SEAFORMER_EDGE_BINDING"


def python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.prefix == sys.base_prefix:
        where = "the system's own, no virtual environment"
    else:
        shared = ", with the system's packages" if sees_system_packages() else ""
        where = f"environment {sys.prefix}{shared}"
    what = f"{version}, {where}"
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        return Finding(
            "python", "error", f"{what}: 3.11 to 3.13 are needed", "python3.13 -m venv .venv"
        )
    return Finding("python", "ok", what)


def sees_system_packages() -> bool:
    """Whether the virtual environment was made with --system-site-packages."""
    try:
        text = (Path(sys.prefix) / "pyvenv.cfg").read_text()
    except OSError:
        return False
    return re.search(r"^include-system-site-packages\s*=\s*true", text, re.MULTILINE) is not None


def libraries() -> Finding:
    loaded, failed, lines = [], [], []
    for distribution, module in LIBRARIES.items():
        answer = probes.ask("load", module)
        if not answer.failure:
            loaded.append(f"{module} {version_of(distribution)}".strip())
            continue
        failed.append(f"{module} does not load: {answer.failure}")
        missing = missing_libraries(answer.failure)
        force = f"{sys.executable} -m pip install --force-reinstall --no-deps {distribution}"
        lines.append(install_line(missing) or force)
    if failed:
        return Finding("libraries", "error", "; ".join(failed), "\n".join(dict.fromkeys(lines)))
    return Finding("libraries", "ok", ", ".join(loaded))


def opencv() -> Finding:
    """Whether OpenCV is there once, and leaves Qt alone."""
    packages = [
        package
        for package in metadata.distributions()
        if re.fullmatch(r"opencv[-_](contrib[-_])?python([-_]headless)?", package.name or "", re.I)
    ]
    # Those of the system stand elsewhere and are hidden by the environment's own.
    nearest = {str(package.locate_file("")) for package in packages[:1]}
    names = sorted({p.name for p in packages if str(p.locate_file("")) in nearest})
    what = ", ".join(f"{name} {version_of(name)}" for name in names) or "no package called opencv"
    mend = (
        f"{sys.executable} -m pip uninstall --yes {' '.join(names)}\n"
        f"{sys.executable} -m pip install opencv-python-headless"
    )
    if len(names) > 1:
        return Finding("opencv", "warn", f"{what}: they overwrite each other's files", mend)
    if probes.ask("load", "cv2").value:
        return Finding(
            "opencv",
            "warn",
            f"{what} brings a Qt of its own, which keeps windows from opening",
            mend,
        )
    return Finding("opencv", "ok", f"{what}, without a Qt of its own")


def runtime() -> Finding:
    answer = probes.ask("runtime")
    if answer.failure:
        return Finding("runtime", "error", f"cannot be loaded: {answer.failure}", rebuild_line())
    told: dict[str, str] = answer.value
    unset = f"unset {BINDING_VARIABLE}"
    if told["problem"] and BINDING_VARIABLE in told["problem"]:
        return Finding("runtime", "error", told["problem"], unset)
    if told["problem"]:
        what = f"the native binding is missing ({told['why_not']}); {told['problem']}"
        return Finding("runtime", "error", what, rebuild_line())
    if told["binding"] == "native":
        return Finding("runtime", "ok", f"native binding, ExecuTorch {told['executorch']}")
    what = "official binding, slow to start and with PyTorch"
    if not told["why_not"]:
        return Finding("runtime", "warn", f"{what}: {BINDING_VARIABLE} asks for it", unset)
    what = f"{what}: the native one is missing ({told['why_not']})"
    return Finding("runtime", "warn", what, rebuild_line())


def rebuild_line() -> str:
    """How to build the native part here, with what that needs first."""
    needed = []
    if not any(shutil.which(compiler) for compiler in ("c++", "g++", "clang++")):
        needed.append("g++")
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        needed.append("python3-dev")
    lines = []
    if needed:
        mac = sys.platform == "darwin"
        lines.append(
            "xcode-select --install" if mac else f"sudo apt-get install {' '.join(needed)}"
        )
    return "\n".join([*lines, install_again()])


def install_again(extra: str = "") -> str:
    """The pip command that installed this package, to type again."""
    target, editable = "seaformer-edge", False
    try:
        text = metadata.distribution("seaformer-edge").read_text("direct_url.json")
        origin = json.loads(text or "{}")
        target = origin.get("url", target).removeprefix("file://")
        editable = origin.get("dir_info", {}).get("editable", False)
    except metadata.PackageNotFoundError:
        pass
    words = [sys.executable, "-m", "pip", "install"]
    words += [] if extra else ["--force-reinstall", "--no-deps"]
    words += ["--editable"] if editable else []
    return shlex.join([*words, f"{target}[{extra}]" if extra else target])


def training() -> Finding:
    """What exporting and training would use; it is not loaded, which takes seconds."""
    missing = [name for name in ("torch", "executorch") if importlib.util.find_spec(name) is None]
    if missing:
        return Finding(
            "training",
            "ok",
            "not installed; only exporting and training need it, best on a PC:"
            f" {install_again('train')}",
        )
    return Finding(
        "training", "ok", f"torch {version_of('torch')}, executorch {version_of('executorch')}"
    )


def version_of(distribution: str) -> str:
    """Of an installed package; empty where its metadata is missing."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
