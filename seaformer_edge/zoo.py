"""Names of models to files: those that ship, and the user's own."""

from __future__ import annotations

from pathlib import Path

from seaformer_edge.card import Card, card_path, read_card
from seaformer_edge.errors import ModelError
from seaformer_edge.paths import shipped_models_dir

DEFAULT_MODEL = "seaformer-t-camvid"


def shipped_programs() -> dict[str, Path]:
    """The .pte programs that come with the package, by name, in the order of their names."""
    return {path.stem: path for path in sorted(shipped_models_dir().glob("*.pte"))}


def resolve_model(model: str | None) -> Path:
    """The .pte file that a `--model` argument means.

    Args:
        model: the name of a shipped program, the path of a .pte, or None for the default.

    Raises:
        ModelError: there is no such program; the known names are listed.
    """
    programs = shipped_programs()
    name = model or DEFAULT_MODEL
    if name in programs:
        return programs[name]
    path = Path(name)
    if path.suffix == ".pte":
        if not path.is_file():
            raise ModelError(f"{path}: no such model file")
        return path
    raise ModelError(
        f"{name}: unknown model; known are {', '.join(programs) or 'none'}, or give a .pte file"
    )


def shipped_cards() -> dict[str, Card]:
    """The cards of the shipped programs, by name."""
    return {
        name: read_card(path)
        for name, path in shipped_programs().items()
        if card_path(path).is_file()
    }
