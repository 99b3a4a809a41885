"""What Tab offers for the values of options and arguments. Imports only where Tab was pressed.

An error would be printed into the line that is being typed: what cannot be listed is not offered.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seaformer_edge.errors import SeaformerEdgeError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def complete_models(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of installed models, or files."""
    from seaformer_edge.hub.zoo import installed_programs

    return _words_or_files(dict.fromkeys(installed_programs(), ""), incomplete)


def complete_sources(
    _: click.Context, __: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Cameras and the sources that are words, or files."""
    from seaformer_edge.sources.spec import KEYWORDS

    words = dict.fromkeys(KEYWORDS, "")
    if sys.platform == "linux":  # elsewhere, listing cameras turns them on
        from seaformer_edge.sources import list_cameras

        words |= {camera.spec: camera.name for camera in list_cameras()}
    return _words_or_files(words, incomplete)


def complete_recipes(
    _: click.Context, __: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of packaged recipes, or files."""
    from seaformer_edge.training.recipe import recipe_names

    return _words_or_files(dict.fromkeys(recipe_names(), ""), incomplete)


def complete_classes(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The model's classes, for the last name of a list with commas."""
    from click.shell_completion import CompletionItem

    from seaformer_edge.hub.card import read_card
    from seaformer_edge.hub.zoo import resolve_model

    classes: tuple[str, ...] = ()
    with suppress(SeaformerEdgeError):
        classes = read_card(resolve_model(context.params.get("model"))).classes
    *before, last = incomplete.split(",")
    return [
        CompletionItem(",".join([*before, name]))
        for name in classes
        if name.startswith(last) and name not in before
    ]


def _words_or_files(words: Mapping[str, str], incomplete: str) -> list[CompletionItem]:
    """Words and the files that fit; the shell's own list of files if no word fits.

    Args:
        words: and what to say about each.
    """
    import shlex

    from click.shell_completion import CompletionItem

    items = [
        CompletionItem(word, help=words[word] or None)
        for word in words
        if word.startswith(incomplete)
    ]
    if not items:
        return [CompletionItem("", type="file")]
    # Bash shows none of its own files beside words.
    files: list[str] = []
    with suppress(OSError):  # of a folder that is gone or closed
        files = sorted(path.name for path in Path().iterdir() if path.name.startswith(incomplete))
    plain = [name for name in files if shlex.quote(name) == name and not name.startswith(".")]
    return [*items, *(CompletionItem(name) for name in plain if name not in words)]
