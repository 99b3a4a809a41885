"""The exceptions of this package.

    SeaformerEdgeError
    ├── SourceError   a camera, file, folder or stream cannot be read
    ├── ModelError    a model, card, checkpoint or program does not fit
    └── SinkError     a result cannot be written

A message is one line for the user: what failed, where, what to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class SeaformerEdgeError(Exception):
    """Base of all errors that this package raises deliberately."""


class SourceError(SeaformerEdgeError):
    """A camera, file, folder or stream cannot be read."""


class ModelError(SeaformerEdgeError):
    """A model, card, checkpoint or program is missing, damaged or does not fit."""


class SinkError(SeaformerEdgeError):
    """A result cannot be written."""


@contextmanager
def reading(path: object, kind: type[SeaformerEdgeError] = ModelError) -> Iterator[None]:
    """Raises errors of the file system as `kind`, with the path and the system's reason."""
    try:
        yield
    except OSError as error:
        raise kind(f"{path}: cannot be read ({error.strerror or error})") from error
