"""The models that the window offers, and what it calls them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.card import read_card
from seaformer_edge.hub.zoo import installed_cards, select_program


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model in the list of models.

    Attributes:
        name: the value for `--model`.
        detail: variant, input size, precision.
        reason: why the program of this precision runs; empty if there is no other.
    """

    name: str
    detail: str
    reason: str = ""


def model_choices() -> list[ModelChoice]:
    """The installed models."""
    cards = installed_cards()
    choices = []
    for name, card in cards.items():
        selection = select_program(name)  # the program of another precision may run
        precision = cards.get(selection.path.stem, card).precision
        detail = f"{card.variant} {card.width}x{card.height} {precision}"
        choices.append(ModelChoice(name, detail, selection.reason))
    return choices


def lasting_name(model: str) -> str:
    """A model's name, or the absolute path of its file."""
    return str(Path(model).absolute()) if Path(model).suffix == ".pte" else model


def name_on_card(program: Path) -> str:
    """The name on the model's card; the file's name if the card cannot be read."""
    try:
        return read_card(program).name
    except ModelError:
        return program.stem
