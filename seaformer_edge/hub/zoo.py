"""Find model files by name: shipped programs, fetched programs, and paths."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.card import Card, card_path, read_card
from seaformer_edge.hub.paths import shipped_models_dir, user_models_dir
from seaformer_edge.hub.pretrained import PUBLISHED

DEFAULT_MODEL = "seaformer-t-everyday"

log = logging.getLogger(__name__)


def shipped_programs() -> dict[str, Path]:
    """The .pte programs shipped with the package, by name, sorted."""
    return _programs(shipped_models_dir())


def fetched_programs() -> dict[str, Path]:
    """The programs in the user's models folder, by name, sorted; none if it does not exist.

    Raises:
        ModelError: this user has no home folder, or the models folder cannot be read.
    """
    return _programs(user_models_dir())


def _programs(folder: Path) -> dict[str, Path]:
    try:
        os.stat(f"{folder}/.")  # noqa: PTH116  # fails if the folder may not be entered
        paths = sorted(folder.iterdir(), key=lambda path: path.stem)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ModelError(f"{folder}: models cannot be read there ({error.strerror})") from error
    return {path.stem: path for path in paths if path.suffix == ".pte"}


def installed_programs() -> dict[str, Path]:
    """The shipped and the fetched programs, by name; a shipped program wins over a fetched one.

    Without a readable models folder of the user, only those that are shipped.
    """
    fetched: dict[str, Path] = {}
    with suppress(ModelError):
        fetched = fetched_programs()
    shipped = shipped_programs()
    return shipped | {name: path for name, path in fetched.items() if name not in shipped}


def installed_cards() -> dict[str, Card]:
    """The cards of the installed programs, by name; an invalid card is skipped with a warning."""
    cards = {}
    for name, path in installed_programs().items():
        if not card_path(path).is_file():
            continue
        try:
            cards[name] = read_card(path)
        except ModelError as error:
            log.warning("%s", error)
    return cards


def resolve_model(model: str | None) -> Path:
    """The .pte file for a `--model` argument.

    Args:
        model: the name of an installed program, the path of a .pte, or None for the default.

    Raises:
        ModelError: there is no such program; the message says how to fetch it or lists the names.
    """
    programs = installed_programs()
    name = model or DEFAULT_MODEL
    if name in programs:
        return programs[name]
    path = Path(name)
    if path.suffix == ".pte":
        if not path.is_file():
            raise ModelError(f"{path}: no such model file")
        return path
    if (int8 := programs.get(f"{name}-int8")) is not None:
        card = read_card(int8)
        raise ModelError(
            f"{name}: only its int8 program is installed; use {name}-int8, or export the checkpoint"
            f" of the repository: seaformer-edge models export models/{name}.safetensors"
            f" -o {name}.pte --size {card.width}x{card.height}"
        )
    try:
        fetched_programs()
    except ModelError as error:
        raise ModelError(f"{name}: not among the shipped models; {error}") from error
    if name in PUBLISHED:
        raise ModelError(f"{name}: not fetched yet; run 'seaformer-edge models fetch {name}'")
    raise ModelError(
        f"{name}: unknown model; known are {', '.join(programs) or 'none'}, or give a .pte file"
    )
