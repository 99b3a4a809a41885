"""The command line: `seaformer-edge COMMAND`. A command's module is imported when it is used.

Exit codes: 0 done, 1 failed, 2 bad usage, 130 interrupted.
"""

from __future__ import annotations

import faulthandler
import importlib
import io
import sys
from collections.abc import Sequence

import click

from seaformer_edge._version import __version__
from seaformer_edge.cli.options import debug_option
from seaformer_edge.errors import SeaformerEdgeError

# Command: module that contains the function of this name, with _ for -.
COMMANDS = {
    "demo": "seaformer_edge.cli.demo",
    "segment": "seaformer_edge.cli.segment",
    "profile": "seaformer_edge.cli.profile",
    "models": "seaformer_edge.cli.models",
    "doctor": "seaformer_edge.cli.doctor",
    "import-labels": "seaformer_edge.cli.import_labels",
    "train": "seaformer_edge.cli.train",
    "evaluate": "seaformer_edge.cli.evaluate",
}

DONE, FAILED, INTERRUPTED = 0, 1, 130


class _LazyGroup(click.Group):
    """Imports a command's module when the command is looked up."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(COMMANDS[cmd_name]), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@debug_option
def cli() -> None:
    """Semantic segmentation with SeaFormer on small boards."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    # Show a traceback if native code crashes.
    if sys.__stderr__ is not None and not faulthandler.is_enabled():
        faulthandler.enable(sys.__stderr__)
    for stream in (sys.stdout, sys.stderr):  # file names may not be UTF-8
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = cli.main(arguments, prog_name="seaformer-edge", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except SeaformerEdgeError as error:
        if "--debug" in arguments:
            raise
        click.echo(f"seaformer-edge: {error}", err=True)
        return FAILED
    except (click.Abort, KeyboardInterrupt):
        click.echo("seaformer-edge: interrupted", err=True)
        return INTERRUPTED
    return code if isinstance(code, int) else DONE
