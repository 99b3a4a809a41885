"""Options that commands share."""

from __future__ import annotations

from pathlib import Path

import click

from seaformer_edge.machine.cpu import MAX_THREADS

# `main` searches the arguments for it: it needs the answer after the command has failed.
debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."
)

thread_count = click.IntRange(1, MAX_THREADS)

file_path = click.Path(path_type=Path)
