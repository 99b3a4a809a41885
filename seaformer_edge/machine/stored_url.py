"""`@FILE` and `env:NAME`: a URL in a file or an environment variable.

Every user of a machine can read the arguments of its programs, and a URL may hold a password.
"""

from __future__ import annotations

import os
from pathlib import Path

from seaformer_edge.errors import SeaformerEdgeError

_MAX_CHARACTERS = 1 << 16


def names_stored_url(text: str) -> bool:
    """Whether `text` says where a URL is stored."""
    return text.startswith(("@", "env:"))


def read_stored_url(text: str, kind: type[SeaformerEdgeError]) -> str:
    """The first line of the file or environment variable that `text` names.

    Raises:
        kind: there is none, or it is not text. Never shows it: it may be any secret.
    """
    if text.startswith("env:"):
        name = text.removeprefix("env:")
        if name not in os.environ:
            raise kind(f"{text}: no environment variable {name}")
        return os.environ[name].partition("\n")[0].strip()
    try:
        with Path(text[1:]).expanduser().open(encoding="utf-8-sig") as file:
            return file.readline(_MAX_CHARACTERS).strip()
    except UnicodeDecodeError:
        raise kind(f"{text}: its first line is no URL") from None
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise kind(f"{text}: cannot be read ({reason})") from error
