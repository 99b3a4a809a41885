"""The live window: Qt, what it needs of the system, and a screen."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

from seaformer_edge.doctor import probes
from seaformer_edge.doctor.finding import Finding
from seaformer_edge.doctor.installation import install_again, version_of
from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.machine.debian import install_line
from seaformer_edge.machine.display import check_display


def window() -> Finding:
    spec = importlib.util.find_spec("PySide6")
    if spec is None or not spec.submodule_search_locations:
        return Finding(
            "window", "ok", f"not installed; this adds the live window: {install_again('gui')}"
        )
    what = f"Qt {version_of('PySide6-Essentials') or 'without metadata'}"
    missing = missing_libraries(Path(spec.submodule_search_locations[0]))
    if missing:
        return Finding(
            "window",
            "warn",
            f"{what} cannot be loaded without {', '.join(missing)}",
            install_line(missing),
        )
    no_screen = ""
    try:
        check_display()
    except SeaformerEdgeError as error:
        no_screen = str(error)
    answer = probes.ask("window", *(["offscreen"] if no_screen else []))
    if answer.failure:
        return Finding(
            "window",
            "warn",
            f"{what} does not start: {answer.failure}",
            "QT_DEBUG_PLUGINS=1 seaformer-edge demo  # tells what it lacks",
        )
    return Finding("window", "ok", f"{what}; {no_screen or f'opens on {answer.value}'}")


def missing_libraries(pyside: Path) -> list[str]:
    """Names of the system's shared libraries that Qt wants here and does not find."""
    if sys.platform != "linux":
        return []
    wanted = [*pyside.glob("QtWidgets.*so"), *pyside.glob("QtGui.*so")]
    plugins = pyside / "Qt" / "plugins" / "platforms"
    if os.environ.get("DISPLAY"):
        wanted.append(plugins / "libqxcb.so")
    elif os.environ.get("WAYLAND_DISPLAY"):
        wanted += plugins.glob("libqwayland*.so")
    command = ["ldd", *map(str, wanted)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    return sorted(set(re.findall(r"^\s*(\S+) => not found", told, re.MULTILINE)))
