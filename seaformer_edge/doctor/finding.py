"""The result of a check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

OTHER_MODELS_FOLDER = "export SEAFORMER_EDGE_HOME=/a/folder/of/yours  # before `models fetch`"
"""Remedy where the user's models folder cannot be used."""

State = Literal["ok", "warn", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        name: of the check, one word.
        state: "error" if segmenting files fails; "warn" if an optional feature fails.
        message: the result, in one line.
        remedy: commands or instructions that fix it, one per line; empty if the state is "ok".
    """

    name: str
    state: State
    message: str
    remedy: str = ""
