"""The standard streams where they are closed, full, or a pipe that nobody reads."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress

import click

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2


def open_standard_streams() -> None:
    """Connects what is closed of standard input, output and error to /dev/null.

    Otherwise the next file that is opened takes its number, and libraries print into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):  # file names may not be UTF-8
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_from_printing(error: Exception) -> bool:
    """Whether `click.echo` raised the error: standard output is full or closed."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code is click.echo.__code__


def give_up(number: int) -> None:
    """Lets Python end without another error about the same stream."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)
