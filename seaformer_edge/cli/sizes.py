"""`--size WIDTHxHEIGHT`: read, rounded to what networks take, and checked for swapped sides."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from seaformer_edge.cli.output import echo

if TYPE_CHECKING:
    from seaformer_edge.hub.card import Card

yes_option = click.option(
    "--yes", is_flag=True, help="Do not ask when width and height of --size look swapped."
)


def parse_size(text: str) -> tuple[int, int]:
    """ "640x480" to (480, 640), height first; rounded to multiples of 32, with a message if so.

    Raises:
        click.BadParameter: it is not a size.
    """
    from seaformer_edge.nn.network_input import round_size

    try:
        width, height = (int(length) for length in text.lower().split("x"))
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not WIDTHxHEIGHT, e.g. 640x480", param_hint="--size"
        ) from None
    if min(height, width) < 1:
        raise click.BadParameter("width and height are at least 1", param_hint="--size")
    rounded = round_size(height, width)
    if rounded != (height, width):
        echo(f"size rounded to {_text(rounded)}", err=True)
    return rounded


def confirm_size(size: tuple[int, int], card: Card) -> tuple[int, int]:
    """The (height, width) to use: `size`, or swapped if that fits the model and the user agrees.

    Raises:
        click.UsageError: it looks swapped, and there is no terminal to ask on.
    """
    expected = _expected_size(card)
    swapped = size[::-1]
    if (size[0] - size[1]) * (expected[0] - expected[1]) >= 0:
        return size
    meaning = (
        f"--size {_text(size)} is {size[1]} wide and {size[0]} high, but pictures for {card.name}"
        f" are {'wider' if expected[1] > expected[0] else 'higher'} than that"
    )
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"{meaning}: write --size {_text(swapped)}, or add --yes to use {_text(size)}"
        )
    return swapped if click.confirm(f"{meaning}. Use {_text(swapped)}?", default=True) else size


def _expected_size(card: Card) -> tuple[int, int]:
    """(height, width) that the model is usually run at: its program's, or a camera's shape."""
    from seaformer_edge.hub.pretrained import PUBLISHED
    from seaformer_edge.hub.zoo import installed_cards

    for known in (installed_cards().get(card.name), PUBLISHED.get(card.name)):
        if known is not None:
            return known.height, known.width
    return 3, 4


def _text(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"
