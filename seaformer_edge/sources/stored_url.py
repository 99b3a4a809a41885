"""`@FILE` and `env:NAME`: a URL in a file or an environment variable.

Every user of a machine can read the arguments of its programs, and a URL may hold a password.
"""

from __future__ import annotations

import os
from pathlib import Path

from seaformer_edge.errors import SourceError
from seaformer_edge.sources.stream import StreamSource
from seaformer_edge.sources.url import is_url

_MAX_CHARACTERS = 1 << 16


def names_stored_url(text: str) -> bool:
    """Whether `text` says where a URL is stored."""
    return text.startswith(("@", "env:"))


def open_stored_url(text: str) -> StreamSource:
    """Opens the stream whose URL is the first line of a file or variable. Raises SourceError."""
    url = _read(text).strip()
    if not is_url(url):  # not shown: it may be any secret
        raise SourceError(f"{text}: its first line is no URL")
    return StreamSource(url)


def _read(text: str) -> str:
    if text.startswith("env:"):
        name = text.removeprefix("env:")
        if name not in os.environ:
            raise SourceError(f"{text}: no environment variable {name}")
        return os.environ[name].partition("\n")[0]
    try:
        with Path(text[1:]).expanduser().open(encoding="utf-8-sig") as file:
            return file.readline(_MAX_CHARACTERS)
    except UnicodeDecodeError:
        raise SourceError(f"{text}: its first line is no URL") from None
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SourceError(f"{text}: cannot be read ({reason})") from error
