"""A line at the bottom of a terminal that is written again and again."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from seaformer_edge.safe_text import printable


@contextmanager
def status_line() -> Iterator[Callable[[str], None]]:
    """A function that shows a text where standard error is a terminal; messages appear above it.

    Elsewhere, the function does nothing.
    """
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    with logging_redirect_tqdm(), tqdm(bar_format="{desc}", disable=None) as bar:

        def show(text: str) -> None:
            if not bar.disable:
                columns = os.get_terminal_size(sys.stderr.fileno()).columns
                bar.set_description_str(printable(text).replace("\n", " ")[: columns - 1])

        yield show
