"""Options that commands share."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click

from seaformer_edge.cli.completers import complete_models
from seaformer_edge.errors import suggestion
from seaformer_edge.machine.cpu import MAX_THREADS, usable_cores

# `main` searches the arguments for it: it needs the answer after the command has failed.
debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."
)


model_option = click.option(
    "-m", "--model", help="Name of a model, or a .pte file.", shell_complete=complete_models
)


class FloatRange(click.FloatRange):
    """As click's, which takes NaN for a number of every range."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is no number", param, ctx)
        return float(number)


class Choice(click.Choice[str]):
    """As click's; of a long list, an error names only the words like the one given."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        everything = super().get_invalid_choice_message(value, ctx)
        hint = suggestion(str(value), self.choices, everything)
        return hint if hint == everything else f"unknown {str(value)!r}; {hint}"


class CommandGroup(click.Group):
    """As click's, with a suggestion for an unknown command."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, *_ = args
        is_option = name.startswith("-")  # click reports it as such
        if not is_option and not ctx.resilient_parsing and self.get_command(ctx, name) is None:
            ctx.fail(f"No such command {name!r}; {suggestion(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


thread_count = click.IntRange(1, MAX_THREADS)

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


class WindowThreads(click.IntRange):
    """The threads that the window offers: a number of cores, or 0 for "auto"."""

    def __init__(self) -> None:
        super().__init__(1, usable_cores())

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        return 0 if value == "auto" else int(super().convert(value, param, ctx))


file_path = click.Path(path_type=Path)


def byte_size(minimum: int) -> Callable[[click.Context, click.Parameter, str | None], int | None]:
    """A callback for an option such as 500M or 20G; k, M, G and T are powers of 1000.

    Args:
        minimum: in bytes.
    """

    def convert(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
        if text is None:
            return None
        found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,6})?)([kKMGT]?)B?", text.strip(), re.ASCII)
        if found is None:
            raise click.BadParameter(f"{text[:40]!r} is no size such as 500M or 20G")
        size = round(float(found[1]) * UNITS[found[2].upper()])
        if size < minimum:
            raise click.BadParameter(f"{text[:40]!r} is too little: at least {minimum} bytes")
        return size

    return convert


class Position(NamedTuple):
    """A place in a source: a frame, counted from 0, or a time in seconds; the other is None."""

    frame: int | None = None
    time_s: float | None = None


def position(_: click.Context, __: click.Parameter, text: str | None) -> Position | None:
    """A callback for an option: 250 is a frame, 10s, 1.5s, 1:30 and 00:01:30.5 are times."""
    if text is None:
        return None
    if re.fullmatch(r"\d{1,12}", text, re.ASCII):
        return Position(frame=int(text))
    if found := re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)s", text, re.ASCII):
        return Position(time_s=float(found[1]))
    if found := re.fullmatch(r"(?:(\d{1,4}):)?(\d{1,5}):(\d\d(?:\.\d{1,9})?)", text, re.ASCII):
        return Position(time_s=3600 * int(found[1] or 0) + 60 * int(found[2]) + float(found[3]))
    raise click.BadParameter(
        f"{text[:40]!r} is neither a frame, as 250, nor a time, as 10s, 1.5s or 00:01:30"
    )
