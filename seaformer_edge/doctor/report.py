"""The findings as a person reads them, and as JSON for a bug report."""

from __future__ import annotations

import getpass
import json
import re
import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from seaformer_edge._version import __version__
from seaformer_edge.doctor.finding import Finding

FORMAT = 1

_MARKS = {"ok": ("ok", "green"), "warn": ("!", "yellow"), "error": ("X", "red")}
_INDENT = " " * 14
_WIDTH = 60, 110
"""Of a table's lines: at least, and at most."""


def row(finding: Finding) -> str:
    """A finding as a row of the table, as wide as the terminal."""
    mark, colour = _MARKS[finding.state]
    text = textwrap.fill(
        finding.what,
        min(max(shutil.get_terminal_size().columns, _WIDTH[0]), _WIDTH[1]),
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return click.style(f"{mark:3}", fg=colour) + f"{finding.name:11}" + text.lstrip()


def verdict(findings: Sequence[Finding]) -> str:
    """What mends what does not work; else one line that all is well."""
    blocking = [finding for finding in findings if finding.state == "error"]
    problems = [finding for finding in findings if finding.state == "warn"] + blocking
    if not problems:
        return "All is well: files can be segmented here."
    can = "cannot" if blocking else "can"
    lines = [f"Files {can} be segmented here. What would mend the rest:"]
    for finding in problems:
        mark, colour = _MARKS[finding.state]
        first, *others = finding.remedy.splitlines() or ["nothing known; please report it"]
        lines.append(click.style(f"{mark:3}", fg=colour) + f"{finding.name:11}{first}")
        lines += [f"{_INDENT}{line}" for line in others]
    return "\n".join(lines)


def as_json(findings: Sequence[Finding]) -> str:
    """For a bug report: without the user's name, and with the home folder as "~"."""
    told = {
        "format": FORMAT,
        "seaformer_edge": __version__,
        "findings": [asdict(finding) for finding in findings],
    }
    return _without_names(json.dumps(told, indent=1, ensure_ascii=False))


def _without_names(text: str) -> str:
    try:
        home, user = str(Path.home()), getpass.getuser()
    except (OSError, KeyError, RuntimeError):  # nobody the system knows
        return text
    if len(home) > 1:
        text = re.sub(rf"{re.escape(home)}\b", "~", text)
    return re.sub(rf"(?<=/){re.escape(user)}(?=[/\s\"',;)]|$)", "USER", text)
