"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "blocks"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        name: of what was looked at, one or two words.
        state: "blocks" where files cannot be segmented, the job that needs neither camera nor
            screen; "warn" where something else that is there does not work.
        what: what was found, in a line.
        to_do: what mends it, as lines to type or to follow; empty where it is ok.
    """

    name: str
    state: State
    what: str
    to_do: str = ""
