"""`--size WIDTHxHEIGHT`: read, rounded to what networks take, and checked for swapped sides."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import click

from seaformer_edge.cli.output import echo

if TYPE_CHECKING:
    from seaformer_edge.hub.card import Card

MAX_SIDE = 8192
"""Longest side of a network's input or of a camera's frame: 8K video is 7680 wide."""

DIGITS = 8

yes_option = click.option(
    "--yes", is_flag=True, help="Do not ask when width and height of --size look swapped."
)


def read_size(text: str) -> tuple[int, int]:
    """ "640x480" to (480, 640), height first.

    Raises:
        click.BadParameter: it is not a size, or a side is not 1 to `MAX_SIDE`.
    """
    found = re.fullmatch(r"(-?[0-9]+)x(-?[0-9]+)", text.strip().lower(), re.ASCII)
    if not found:
        raise click.BadParameter(f"{_quoted(text)} is not WIDTHxHEIGHT, e.g. 640x480")
    # Longer numbers are too large, and Python refuses to convert thousands of digits.
    width, height = (int(length[:DIGITS]) for length in found.groups())
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise click.BadParameter(f"{_quoted(text)}: width and height are 1 to {MAX_SIDE} pixels")
    return height, width


def parse_size(text: str) -> tuple[int, int]:
    """ "640x480" to (480, 640), height first; rounded to multiples of 32, with a message if so.

    Raises:
        click.BadParameter: it is not a size.
    """
    from seaformer_edge.nn.network_input import round_size

    try:
        height, width = read_size(text)
    except click.BadParameter as error:
        error.param_hint = "--size"
        raise
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


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")


def _text(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"
