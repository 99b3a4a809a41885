"""The command that installs an extra of this package."""

from __future__ import annotations

import shlex
import sys


def install_extra(extra: str) -> str:
    """The pip command that adds an extra, e.g. "gui", to the environment that runs.

    pip keeps the package as it is, wherever it was installed from.
    """
    return shlex.join([sys.executable, "-m", "pip", "install", f"seaformer-edge[{extra}]"])
