"""Where the files that come with the package lie, and those the user adds."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def shipped_models_dir() -> Path:
    """The models that come along: inside an installed package, or the repository's models/."""
    installed = _PACKAGE / "models"
    return installed if installed.is_dir() else _PACKAGE.parent / "models"


def user_models_dir() -> Path:
    """The models that were fetched: `SEAFORMER_EDGE_HOME`, or the XDG data directory.

    The folder need not exist.
    """
    if home := os.environ.get("SEAFORMER_EDGE_HOME"):
        return Path(home)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "seaformer-edge" / "models"


def sample_dir() -> Path:
    """The bundled sample pictures and clips."""
    return _PACKAGE / "data" / "sample"
