"""`seaformer-edge completion`: the shell's Tab completes commands, options, models and sources."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from seaformer_edge.cli.options import Choice, debug_option
from seaformer_edge.cli.output import echo, say
from seaformer_edge.errors import SinkError
from seaformer_edge.files import atomic_write

NAME = "seaformer-edge"
VARIABLE = "_SEAFORMER_EDGE_COMPLETE"
"""Click's name for the variable with which the script asks the program for words."""

WITH_COMPDEF = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }"
"""In zsh: starts its completion where the user's .zshrc does not."""


@click.command()
@click.argument("shell", type=Choice(("bash", "zsh", "fish")))
@click.option("--install", is_flag=True, help="Set it up for every new terminal of this user.")
@debug_option
def completion(shell: str, install: bool) -> None:
    """Print the script that lets Tab complete commands, options, models and sources.

    To try it in bash or zsh: eval "$(seaformer-edge completion bash)". To keep it:
    seaformer-edge completion bash --install (in bash, it needs the package bash-completion).
    """
    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(click.Command(NAME), {}, NAME, VARIABLE).source()
    if not install:
        echo(script)
        return
    path = _script_path(shell)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, script.encode())
        echo(f"{path}: written")
        if shell == "zsh":
            _load_in_zsh(path)
    except OSError as error:
        raise SinkError(
            f"{error.filename or path}: cannot be written ({error.strerror})"
        ) from error
    say("open a new terminal, and press Tab")


def _script_path(shell: str) -> Path:
    """Where bash (its package bash-completion) and fish look for scripts by themselves."""
    if shell == "fish":
        return _folder("XDG_CONFIG_HOME", "~/.config") / f"fish/completions/{NAME}.fish"
    data = _folder("XDG_DATA_HOME", "~/.local/share")
    if shell == "bash":
        return data / f"bash-completion/completions/{NAME}"
    return data / f"{NAME}/completion.zsh"


def _load_in_zsh(script: Path) -> None:
    """Adds a line to .zshrc, once: zsh has no folder for scripts of users."""
    path = _folder("ZDOTDIR", "~") / ".zshrc"
    line = f"{WITH_COMPDEF}; source {shlex.quote(str(script))}"
    text = path.read_text() if path.exists() else ""
    if line in text.splitlines():
        return
    with path.open("a") as file:
        file.write(f"\n{line}\n")
    echo(f"{path}: loads it")


def _folder(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or default).expanduser()
