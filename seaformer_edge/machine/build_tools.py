"""What the native part needs to be built: a C++ compiler and Python's headers.

scripts/bootstrap imports this module with any Python and with nothing installed.
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path

INSTALL_LINES = {
    "Debian": "sudo apt-get install g++ python3-dev",
    "Fedora": "sudo dnf install gcc-c++ python3-devel",
    "macOS": "xcode-select --install",
}


def has_compiler() -> bool:
    return any(shutil.which(compiler) for compiler in ("c++", "g++", "clang++"))


def has_headers() -> bool:
    return Path(sysconfig.get_path("include"), "Python.h").exists()


def install_line() -> str:
    """The command that installs both on this system; empty if both are there."""
    if has_compiler() and has_headers():
        return ""
    if sys.platform == "darwin":
        return INSTALL_LINES["macOS"]
    return INSTALL_LINES["Fedora" if shutil.which("dnf") else "Debian"]
