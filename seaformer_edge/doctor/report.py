"""Findings as a table for the terminal, and as JSON for a bug report."""

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
from seaformer_edge.safe_text import printable

FORMAT = 2
"""Version of the JSON; 2 renamed "what" and "to_do" to "message" and "remedy"."""

_MARKS = {"ok": ("ok", "green"), "warn": ("!", "yellow"), "error": ("X", "red")}
_INDENT = " " * 14
_MIN_WIDTH, _MAX_WIDTH = 60, 110
"""The limits of the table's width, in characters."""


def row(finding: Finding) -> str:
    """A finding as a row of the table, wrapped to the width of the terminal."""
    mark, colour = _MARKS[finding.state]
    text = textwrap.fill(
        printable(finding.message),
        min(max(shutil.get_terminal_size().columns, _MIN_WIDTH), _MAX_WIDTH),
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return click.style(f"{mark:3}", fg=colour) + f"{finding.name:11}" + text.lstrip()


def verdict(findings: Sequence[Finding]) -> str:
    """The remedies for all warnings and errors, or one line if there are none."""
    errors = [finding for finding in findings if finding.state == "error"]
    problems = [finding for finding in findings if finding.state == "warn"] + errors
    if not problems:
        return "No problems found. This machine can segment files."
    can = "cannot" if errors else "can"
    lines = [f"This machine {can} segment files. To fix the problems above:"]
    for finding in problems:
        mark, colour = _MARKS[finding.state]
        first, *others = finding.remedy.splitlines() or ["no remedy known; please report it"]
        lines.append(click.style(f"{mark:3}", fg=colour) + f"{finding.name:11}{printable(first)}")
        lines += [f"{_INDENT}{printable(line)}" for line in others]
    return "\n".join(lines)


def as_json(findings: Sequence[Finding]) -> str:
    """For a bug report: without the user's name, and with the home folder as "~"."""
    report = {
        "format": FORMAT,
        "seaformer_edge": __version__,
        "findings": [asdict(finding) for finding in findings],
    }
    return _anonymised(json.dumps(report, indent=1, ensure_ascii=False))


def _anonymised(text: str) -> str:
    try:
        home, user = str(Path.home()), getpass.getuser()
    except (OSError, KeyError, RuntimeError):  # the user has no entry in the system
        return text
    if len(home) > 1:
        text = re.sub(rf"{re.escape(home)}\b", "~", text)
    return re.sub(rf"(?<=/){re.escape(user)}(?=[/\s\"',;)]|$)", "USER", text)
