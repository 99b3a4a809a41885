"""Options that commands share."""

from __future__ import annotations

from pathlib import Path

import click

# `main` searches the arguments for it: it needs the answer after the command has failed.
debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."
)

file_path = click.Path(path_type=Path)
