"""The folders of the files that ship with the package, and of those the user adds."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def shipped_models_dir() -> Path:
    """The shipped models: inside the installed package, or models/ of the repository."""
    installed = _PACKAGE / "models"
    return installed if installed.is_dir() else _PACKAGE.parent / "models"


def user_models_dir() -> Path:
    """The fetched models: `SEAFORMER_EDGE_HOME`, or "models" in the user's data folder.

    The data folder is seaformer-edge in ~/.local/share or `XDG_DATA_HOME` on Linux, in
    ~/Library/Application Support on macOS, in %LOCALAPPDATA% on Windows. It may not exist yet.
    """
    if home := os.environ.get("SEAFORMER_EDGE_HOME"):
        return Path(home)
    import platformdirs  # only when the variable is not set

    return platformdirs.user_data_path("seaformer-edge", appauthor=False) / "models"


def sample_dir() -> Path:
    """The bundled sample pictures and clips."""
    return _PACKAGE / "data" / "sample"
