"""What is wrong with the files of a data set, as one list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seaformer_edge.errors import SourceError

MAX_LINES = 100
MAX_ALIKE = 3
"""More files with the same problem than this share a line."""


class Problem(NamedTuple):
    """A file, and what is wrong with it."""

    where: Path | str
    what: str


class LabelError(SourceError):
    """Problems of a data set's files.

    Attributes:
        problems: all of them; the message joins those that are alike.
    """

    def __init__(self, problems: Sequence[Problem]):
        lines = _lines(problems)
        if more := len(lines) - MAX_LINES:
            lines[MAX_LINES:] = [f"and {more} more"] if more > 0 else []
        count = f"{len(problems)} problems in the data set:\n  " if len(problems) > 1 else ""
        super().__init__(count + "\n  ".join(lines))
        self.problems = list(problems)


def _lines(problems: Sequence[Problem]) -> list[str]:
    alike = defaultdict[str, list[Path | str]](list)
    for where, what in problems:
        alike[what].append(where)
    lines = []
    for what, files in alike.items():
        if len(files) > MAX_ALIKE:
            lines.append(f"{files[0]} and {len(files) - 1} more files: {what}")
        else:
            lines += [f"{where}: {what}" for where in files]
    return lines
