"""The live window: Qt, its system libraries, and a screen."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

from seaformer_edge.doctor import probes
from seaformer_edge.doctor.finding import Finding
from seaformer_edge.doctor.installation import version_of
from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.machine.debian import install_line
from seaformer_edge.machine.display import check_display
from seaformer_edge.machine.extras import install_extra


def window() -> Finding:
    spec = importlib.util.find_spec("PySide6")
    if spec is None or not spec.submodule_search_locations:
        return Finding(
            "window", "ok", f"not installed; to install the live window: {install_extra('gui')}"
        )
    qt = f"Qt {version_of('PySide6-Essentials') or 'of unknown version'}"
    missing = missing_libraries(Path(spec.submodule_search_locations[0]))
    if missing:
        return Finding(
            "window",
            "warn",
            f"{qt} cannot be loaded; missing libraries: {', '.join(missing)}",
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
            f"{qt} does not start: {answer.failure}",
            "QT_DEBUG_PLUGINS=1 seaformer-edge demo  # shows what is missing",
        )
    return Finding("window", "ok", f"{qt}; {no_screen or f'starts on {answer.value}'}")


def missing_libraries(pyside: Path) -> list[str]:
    """Names of the system's shared libraries that Qt needs and the loader does not find."""
    if sys.platform != "linux":
        return []
    wanted = [*pyside.glob("QtWidgets.*so"), *pyside.glob("QtGui.*so")]
    plugins = pyside / "Qt" / "plugins" / "platforms"
    if os.environ.get("DISPLAY"):
        wanted.append(plugins / "libqxcb.so")
    elif os.environ.get("WAYLAND_DISPLAY"):
        wanted += plugins.glob("libqwayland*.so")
    command = ["ldd", *map(str, wanted)]
    output = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    return sorted(set(re.findall(r"^\s*(\S+) => not found", output, re.MULTILINE)))
