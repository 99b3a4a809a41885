"""Where the files that come with the package lie."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped_models_dir() -> Path:
    """The models that come along: inside an installed package, or the repository's models/."""
    installed = _PACKAGE / "models"
    return installed if installed.is_dir() else _PACKAGE.parent / "models"


def sample_dir() -> Path:
    """The bundled sample pictures and clips."""
    return _PACKAGE / "data" / "sample"
