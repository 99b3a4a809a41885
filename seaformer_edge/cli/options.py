"""Options that commands share."""

from __future__ import annotations

from pathlib import Path

import click

# `main` looks for it among the arguments, since it must know when the command has failed already.
debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."
)

file_path = click.Path(path_type=Path)
