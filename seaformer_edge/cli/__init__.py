"""The command line: `seaformer-edge COMMAND`. A command's module is imported when it is used.

Exit codes: 0 done, 1 failed, 2 bad usage, 130 interrupted.
"""

from __future__ import annotations

import faulthandler
import importlib
import logging
import os
import signal
import sys
from collections.abc import Sequence

import click

from seaformer_edge._version import __version__
from seaformer_edge.cli.interrupt import ending_signals_call
from seaformer_edge.cli.options import CommandGroup, debug_option
from seaformer_edge.cli.output import LogFormatter, echo_exception, echo_usage_error, say
from seaformer_edge.cli.streams import (
    STANDARD_OUTPUT,
    give_up,
    is_from_printing,
    open_standard_streams,
)
from seaformer_edge.errors import SeaformerEdgeError

# Command: module that contains the function of this name, with _ for -.
COMMANDS = {
    "demo": "seaformer_edge.cli.demo",
    "live": "seaformer_edge.cli.live",
    "segment": "seaformer_edge.cli.segment",
    "profile": "seaformer_edge.cli.profile",
    "models": "seaformer_edge.cli.models",
    "doctor": "seaformer_edge.cli.doctor",
    "import-labels": "seaformer_edge.cli.import_labels",
    "train": "seaformer_edge.cli.train",
    "evaluate": "seaformer_edge.cli.evaluate",
    "completion": "seaformer_edge.cli.completion",
}

NO_MEMORY = ("start new thread", "failed to map segment", "annot allocate memory")
"""Parts of the messages of errors that mean so."""

DONE, FAILED, INTERRUPTED = 0, 1, 130


class _LazyGroup(CommandGroup):
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
    open_standard_streams()
    # Show a traceback if native code crashes.
    if sys.__stderr__ is not None and not faulthandler.is_enabled():
        faulthandler.enable(sys.__stderr__)
    # NumPy's linear algebra is hardly used, but each of its threads reserves 40 MB.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    log_handler = logging.StreamHandler()
    log_handler.setFormatter(LogFormatter())
    logging.basicConfig(handlers=[log_handler])
    sys.excepthook = echo_exception
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with ending_signals_call(signal.default_int_handler):
            code = cli.main(arguments, prog_name="seaformer-edge", standalone_mode=False)
    except click.ClickException as error:
        echo_usage_error(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("interrupted")
        return INTERRUPTED
    except Exception as error:
        line = _line_about(error)
        if line is None or "--debug" in arguments:
            raise
        say(line)
        return FAILED
    return code if isinstance(code, int) else DONE


def _line_about(error: Exception) -> str | None:
    """What to tell the user about an error; None if it is a fault of this program."""
    if isinstance(error, SeaformerEdgeError):
        return str(error)
    if isinstance(error, MemoryError) or any(sign in str(error) for sign in NO_MEMORY):
        return f"not enough memory, or too low a limit (ulimit): {error}"
    if isinstance(error, ImportError):
        return f"{error}; seaformer-edge doctor checks the installation"
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        if is_from_printing(error):
            give_up(STANDARD_OUTPUT)
            return f"standard output cannot be written ({reason})"
        return f"{error.filename}: {reason}" if error.filename else reason
    return None
