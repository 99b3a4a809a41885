"""`--mode`, `--opacity`, `--classes`, `--labels` and `--min-confidence`: how classes are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

import click
from click.core import ParameterSource

from seaformer_edge.cli.completers import complete_classes
from seaformer_edge.cli.options import Choice, FloatRange
from seaformer_edge.errors import ModelError, suggestion
from seaformer_edge.inference.modes import Mode

if TYPE_CHECKING:
    from seaformer_edge.hub.card import Card
    from seaformer_edge.inference.views import View

Command = TypeVar("Command", bound=Callable[..., object])

VIEW_OPTIONS = ("mode", "opacity", "classes", "labels", "min_confidence")


def view_options(command: Command) -> Command:
    """Adds the options to a command."""
    mode = click.option(
        "--mode",
        type=Choice([mode.value for mode in Mode]),
        default=Mode.OVERLAY.value,
        show_default=True,
        help="; ".join(f"{mode}: {mode.description}" for mode in Mode) + ".",
    )
    opacity = click.option(
        "--opacity",
        type=FloatRange(0, 1),
        default=0.5,
        show_default=True,
        help="Opacity of the class colours.",
    )
    classes = click.option(
        "--classes",
        help="Colour only these classes: comma-separated names.",
        shell_complete=complete_classes,
    )
    labels = click.option("--labels", is_flag=True, help="Write the classes' names on the picture.")
    min_confidence = click.option(
        "--min-confidence",
        type=FloatRange(0, 1),
        default=0.0,
        metavar="0..1",
        help="Pixels whose class is less probable are unknown: uncoloured, 255 in masks.",
    )
    return mode(opacity(classes(labels(min_confidence(command)))))


def view_of(card: Card, mode: str, opacity: float, classes: str | None, labels: bool) -> View:
    """The view that the options ask for. Raises ModelError for a class that the model lacks."""
    from seaformer_edge.inference.views import View

    return View(Mode(mode), opacity, None if classes is None else _class_ids(card, classes), labels)


def refuse_with_a_classifier(context: click.Context, card: Card, names: Iterable[str]) -> None:
    """Raises click.UsageError if one of the options is given and the model is a classifier."""
    if card.task != "classification":
        return
    for name in names:
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{option} needs a segmenter, and {card.name} is a classifier")


def _class_ids(card: Card, names: str) -> frozenset[int]:
    wanted = [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in card.classes:
            raise ModelError(f"{name}: no class of {card.name}; {suggestion(name, card.classes)}")
    return frozenset(card.classes.index(name) for name in wanted)
