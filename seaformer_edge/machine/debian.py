"""Packages of Debian, Ubuntu and Raspberry Pi OS that contain shared libraries.

scripts/bootstrap imports this module with any Python and with nothing installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LIBRARIES = {"libstdc++.so.6": "libstdc++6", "libz.so.1": "zlib1g"}

# System libraries that Qt's wheels need, for the `gui` extra.
WINDOW_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libICE.so.6": "libice6",  # needed only on ARM, like libSM
    "libSM.so.6": "libsm6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libX11.so.6": "libx11-6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}

# Only missing together with another library of the same package.
_ALONGSIDE = {
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libxcb.so.1": "libxcb1",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
}

_MISSING = re.compile(r"(lib[\w.+-]+\.so[\w.]*): cannot open shared object file")
# Not `|`: scripts/bootstrap must import this in an old Python, to report that it is too old.
_PACKAGES = {**LIBRARIES, **WINDOW_LIBRARIES, **_ALONGSIDE}


def missing_libraries(error: str) -> list[str]:
    """Names of the shared libraries that are missing according to a loader's error message."""
    return _MISSING.findall(error)


def install_line(libraries: Iterable[str]) -> str:
    """Commands that install shared libraries, e.g. "libEGL.so.1"; empty if there are none.

    For a library that is not in the tables it is the command that finds its package.
    """
    libraries = list(libraries)
    packages = sorted({_PACKAGES[name] for name in libraries if name in _PACKAGES})
    unknown = sorted({name for name in libraries if name not in _PACKAGES})
    lines = [f"sudo apt-get install {' '.join(packages)}"] if packages else []
    lines += [f"apt-file search {name}  # finds its package" for name in unknown]
    return "\n".join(lines)
