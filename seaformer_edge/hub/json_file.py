"""Read a JSON file into a validated object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from seaformer_edge.errors import ModelError

T = TypeVar("T")


def read_json(path: Path, kind: type[T], what: str) -> T:
    """Read `path` as a `kind`.

    Args:
        kind: any type that msgspec can convert to.
        what: the file should be, for the error message, e.g. "a class list".

    Raises:
        FileNotFoundError: there is no such file.
        ModelError: it cannot be read, is not JSON or does not validate; names the field.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from error
    return parse_json(data, kind, path, what)


def parse_json(data: bytes, kind: type[T], path: Path, what: str) -> T:
    """Parse and validate the content of `path`; arguments and errors as for `read_json`."""
    try:
        # Not by msgspec: it refuses NaN without naming the field, and any byte order mark.
        values = json.loads(data)
        # json accepts unpaired surrogates, which no file or terminal can take.
        json.dumps(values, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not {what} ({error})") from error
    return validate(values, kind, path, what)


def validate(values: Any, kind: type[T], path: Path, what: str, strict: bool = True) -> T:
    """Convert parsed values of `path` to a `kind`; arguments and errors as for `read_json`.

    Args:
        strict: false: numbers may be written as text, and integers as floats or booleans.
    """
    try:
        return msgspec.convert(values, kind, strict=strict)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not {what} ({error})") from error
