"""What the commands print: without terminal escapes, and errors without logins."""

from __future__ import annotations

import io
import logging
import traceback
from types import TracebackType

import click

from seaformer_edge.cli.streams import STANDARD_ERROR, give_up
from seaformer_edge.safe_text import printable, redacted_within


def echo(text: str, *, err: bool = False) -> None:
    """Prints a line, or several, to standard output or standard error."""
    click.echo(printable(text), err=err)


def echo_coloured(text: str) -> None:
    """Prints text that is `printable` but for the colours of `click.style`."""
    click.echo(text)


def echo_error(text: str) -> None:
    """Prints an error to standard error, if it can be written."""
    try:
        echo(redacted_within(text), err=True)
    except OSError:
        give_up(STANDARD_ERROR)


def say(line: str) -> None:
    """Prints a line about the command itself to standard error."""
    echo_error(f"seaformer-edge: {line}")


def echo_usage_error(error: click.ClickException) -> None:
    """Prints what click says about wrong arguments."""
    text = io.StringIO()
    error.show(text)
    echo_error(text.getvalue().rstrip("\n"))


def echo_exception(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Prints a traceback; a `sys.excepthook`."""
    echo_error("".join(traceback.format_exception(kind, error, trace)).rstrip("\n"))


class LogFormatter(logging.Formatter):
    """One message a line, as errors are printed."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(redacted_within(f"seaformer-edge: {super().format(record)}"))
