"""The installation: Python, libraries, OpenCV beside Qt, the runtime, the train extra."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import sys
from importlib import metadata
from pathlib import Path

from seaformer_edge.doctor import probes
from seaformer_edge.doctor.finding import Finding
from seaformer_edge.machine import build_tools
from seaformer_edge.machine.debian import install_line, missing_libraries
from seaformer_edge.machine.extras import install_extra

LIBRARIES = {
    "numpy": "numpy",
    "opencv-python-headless": "cv2",
    "av": "av",
    "msgspec": "msgspec",
    "platformdirs": "platformdirs",
    "psutil": "psutil",
    "tqdm": "tqdm",
}
"""Distribution and module of the libraries that `seaformer-edge segment` loads."""

BINDING_VARIABLE = "SEAFORMER_EDGE_BINDING"
"""As in `seaformer_edge.runtime`, which cannot be imported if NumPy is broken."""


def python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.prefix == sys.base_prefix:
        where = "no virtual environment"
    else:
        shared = " with the system's packages" if sees_system_packages() else ""
        where = f"environment {sys.prefix}{shared}"
    message = f"{version}, {where}"
    if not (3, 11) <= sys.version_info[:2] < (3, 15):
        return Finding(
            "python",
            "error",
            f"{message}: 3.11 to 3.14 is required",
            "python3.13 -m venv .venv",
        )
    return Finding("python", "ok", message)


def sees_system_packages() -> bool:
    """Whether the virtual environment was created with --system-site-packages."""
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
    """Whether exactly one OpenCV is installed, and does not interfere with Qt."""
    packages = [
        package
        for package in metadata.distributions()
        if re.fullmatch(r"opencv[-_](contrib[-_])?python([-_]headless)?", package.name or "", re.I)
    ]
    # The environment's packages hide the system's, which are in another folder.
    nearest = {str(package.locate_file("")) for package in packages[:1]}
    names = sorted({p.name for p in packages if str(p.locate_file("")) in nearest})
    installed = ", ".join(f"{name} {version_of(name)}" for name in names) or "no OpenCV package"
    remedy = (
        f"{sys.executable} -m pip uninstall --yes {' '.join(names)}\n"
        f"{sys.executable} -m pip install opencv-python-headless"
    )
    if len(names) > 1:
        return Finding("opencv", "warn", f"{installed}: they overwrite each other's files", remedy)
    if probes.ask("load", "cv2").value:
        return Finding(
            "opencv",
            "warn",
            f"{installed} contains another Qt, which prevents the window from opening",
            remedy,
        )
    return Finding("opencv", "ok", f"{installed}, without Qt")


def runtime() -> Finding:
    answer = probes.ask("runtime")
    if answer.failure:
        return Finding("runtime", "error", f"cannot be loaded: {answer.failure}", rebuild_line())
    facts: dict[str, str] = answer.value
    unset = f"unset {BINDING_VARIABLE}"
    if facts["problem"] and BINDING_VARIABLE in facts["problem"]:
        return Finding("runtime", "error", facts["problem"], unset)
    if facts["problem"]:
        message = f"no native binding ({facts['why_not']}); {facts['problem']}"
        return Finding("runtime", "error", message, rebuild_line())
    if facts["binding"] == "native":
        return Finding("runtime", "ok", f"native binding, ExecuTorch {facts['executorch']}")
    message = "official binding: starts slowly and loads PyTorch"
    if not facts["why_not"]:
        return Finding("runtime", "warn", f"{message}; {BINDING_VARIABLE} selects it", unset)
    message = f"{message}; no native binding ({facts['why_not']})"
    return Finding("runtime", "warn", message, rebuild_line())


def rebuild_line() -> str:
    """Commands that install what is missing to build the native extension, and build it."""
    return "\n".join(filter(None, [build_tools.install_line(), reinstall_command()]))


def reinstall_command() -> str:
    """The pip command that installs this package again from where it was installed."""
    target, editable = "seaformer-edge", False
    try:
        text = metadata.distribution("seaformer-edge").read_text("direct_url.json")
        origin = json.loads(text or "{}")
        target = origin.get("url", target).removeprefix("file://")
        editable = origin.get("dir_info", {}).get("editable", False)
    except metadata.PackageNotFoundError:
        pass
    words = [sys.executable, "-m", "pip", "install", "--force-reinstall", "--no-deps"]
    words += ["--editable"] if editable else []
    return shlex.join([*words, target])


def training() -> Finding:
    """Libraries for training and export. They are not loaded, because that takes seconds."""
    missing = [name for name in ("torch", "executorch") if importlib.util.find_spec(name) is None]
    if missing:
        return Finding(
            "training",
            "ok",
            "not installed; needed only for training and export, best on a PC:"
            f" {install_extra('train')}",
        )
    return Finding(
        "training", "ok", f"torch {version_of('torch')}, executorch {version_of('executorch')}"
    )


def version_of(distribution: str) -> str:
    """The version of an installed package; empty if its metadata is missing."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
