"""The exceptions of this package.

    SeaformerEdgeError
    ├── SourceError   a camera, file, folder or stream cannot be read
    ├── ModelError    a model, card, checkpoint or program does not fit
    └── SinkError     a result cannot be written

A message is one line for the user: what failed, where, what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class SeaformerEdgeError(Exception):
    """Base of all errors that this package raises deliberately."""


class SourceError(SeaformerEdgeError):
    """A camera, file, folder or stream cannot be read."""


class ModelError(SeaformerEdgeError):
    """A model, card, checkpoint or program is missing, damaged or does not fit."""


class SinkError(SeaformerEdgeError):
    """A result cannot be written."""


def suggestion(name: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """Ends a message about an unknown name: "did you mean NAME?" with the known names like it.

    Args:
        otherwise: is returned if no known name is like it; by default a list of all.
    """
    from difflib import get_close_matches

    names = {each.lower(): each for each in known}
    if close := get_close_matches(name.lower(), names):
        return f"did you mean {' or '.join(names[each] for each in close)}?"
    return otherwise or f"known are {', '.join(names.values()) or 'none'}"


@contextmanager
def reading(path: object, kind: type[SeaformerEdgeError] = ModelError) -> Iterator[None]:
    """Raises errors of the file system as `kind`, with the path and the system's reason."""
    try:
        yield
    except OSError as error:
        raise kind(f"{path}: cannot be read ({error.strerror or error})") from error
