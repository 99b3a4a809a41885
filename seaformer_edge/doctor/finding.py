"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        name: of what was looked at, one or two words.
        state: "error" where files cannot be segmented, the job that needs neither camera nor
            screen; "warn" where something else that is there does not work.
        what: what was found, in a line.
        remedy: what mends it, as lines to type or to follow; empty where it is ok.
    """

    name: str
    state: State
    what: str
    remedy: str = ""
