"""The folders of the files that ship with the package, and of those the user adds."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from seaformer_edge.errors import ModelError

_PACKAGE = Path(__file__).parents[1]


def shipped_models_dir() -> Path:
    """The shipped models: inside the installed package, or models/ of the repository."""
    installed = _PACKAGE / "models"
    return installed if installed.is_dir() else _PACKAGE.parent / "models"


def user_models_dir() -> Path:
    """The fetched models: `SEAFORMER_EDGE_HOME`, or "models" in the user's data folder.

    The data folder is seaformer-edge in ~/.local/share or `XDG_DATA_HOME` on Linux, in
    ~/Library/Application Support on macOS, in %LOCALAPPDATA% on Windows. It may not exist yet.

    Raises:
        ModelError: this user has no home folder, as a number without a name in a container.
    """
    if home := os.environ.get("SEAFORMER_EDGE_HOME"):
        return Path(home)
    import platformdirs  # only when the variable is not set

    try:
        folder = platformdirs.user_data_path("seaformer-edge", appauthor=False)
    except RuntimeError:
        folder = Path()
    if not folder.is_absolute():  # older versions leave the "~" in it
        raise ModelError(
            "no folder for models: this user has no home folder; set HOME or SEAFORMER_EDGE_HOME"
        )
    return folder / "models"


def writable_models_dir() -> Path:
    """`user_models_dir`, made if it is missing.

    Raises:
        ModelError: there is none, or nothing can be written into it.
    """
    folder = user_models_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise ModelError(
            f"{folder}: models cannot be stored there ({error.strerror});"
            " set SEAFORMER_EDGE_HOME to a folder of yours"
        ) from error


def sample_dir() -> Path:
    """The bundled sample pictures and clips."""
    return _PACKAGE / "data" / "sample"
