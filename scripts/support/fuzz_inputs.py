"""Broken inputs for fuzz targets: damaged bytes, and structured text with wrong values."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy


@dataclass(frozen=True)
class Target:
    """Code that parses untrusted input.

    Attributes:
        inputs: returns the strategy of its inputs.
        take: parses one input; may raise SeaformerEdgeError.
        needs: module that must be installed.
    """

    inputs: Callable[[], SearchStrategy[object]]
    take: Callable[[object], None]
    needs: str = "seaformer_edge"


# Damage to bytes.

_BYTES = st.integers(0, 255)
_NUMBERS = st.sampled_from([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80"])
_PLACE = st.floats(0, 1, exclude_max=True)
_IN_PLACE = st.one_of(
    st.tuples(st.just("set"), _PLACE, _BYTES),
    st.tuples(st.just("number"), _PLACE, _NUMBERS),
)
_DAMAGE = st.one_of(
    _IN_PLACE,
    st.tuples(st.just("insert"), _PLACE, st.binary(max_size=16)),
    st.tuples(st.just("delete"), _PLACE, st.integers(1, 64)),
    st.tuples(st.just("repeat"), _PLACE, st.integers(1, 64)),
    st.tuples(st.just("cut"), _PLACE, st.none()),
)


def damaged(corpus: dict[str, bytes]) -> SearchStrategy[tuple[str, bytes]]:
    """Pairs of a file name of the corpus and its damaged content; some contents are noise."""
    names = st.sampled_from(sorted(corpus))
    # Files with little damage get past the first checks.
    much = st.tuples(names, st.lists(_DAMAGE, max_size=8))
    little = st.tuples(names, st.lists(_IN_PLACE, max_size=2))
    noise = st.tuples(names, st.binary(max_size=200))
    changed = st.one_of(much, little, little).map(lambda pair: (pair[0], _apply(pair, corpus)))
    return st.one_of(changed, changed, changed, noise)


def _apply(pair: tuple[str, list[tuple[str, float, object]]], corpus: dict[str, bytes]) -> bytes:
    name, damages = pair
    changed = bytearray(corpus[name])
    for kind, place, value in damages:
        at = int(place * len(changed))
        if kind == "set" and changed:
            changed[at] = value
        elif kind == "number":
            changed[at : at + len(value)] = value
        elif kind == "insert":
            changed[at:at] = value
        elif kind == "delete":
            del changed[at : at + value]
        elif kind == "repeat":
            changed[at:at] = changed[at : at + value]
        elif kind == "cut":
            del changed[at:]
    return bytes(changed)


# Structured text with values of wrong types.

ODD_WORDS = ["", "0", "-1", "1e400", "nan", "99999999999", "2147483648", "0x1", "ant", ".."]

ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([10**400, -1, 0, 2**31, 2**63, float("inf"), "nan", ""]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=6,
)


def odd_entries(entries: dict[str, object]) -> SearchStrategy[dict[str, object]]:
    """The entries with some of them replaced, removed or added."""
    some = st.dictionaries(st.sampled_from([*entries, "unknown"]), ODD, max_size=3)
    lacking = st.sets(st.sampled_from(sorted(entries)), max_size=1)
    return st.builds(
        lambda odd, lost: {k: v for k, v in {**entries, **odd}.items() if k not in lost},
        some,
        lacking,
    )


def odd_json(entries: dict[str, object]) -> SearchStrategy[bytes]:
    """A JSON file with wrong entries, or damaged, or of another shape, or nested too deeply."""
    text = json.dumps(entries).encode()
    return st.one_of(
        odd_entries(entries).map(lambda odd: json.dumps(odd).encode()),
        damaged({"text": text}).map(lambda named: named[1]),
        ODD.map(lambda odd: json.dumps(odd).encode()),
        st.integers(1, 10**5).map(lambda depth: b"[" * depth),
    )


Place = tuple[str | int, ...]


def odd_inside(values: object) -> SearchStrategy[bytes]:
    """A JSON file of which values at any depth are replaced, or its bytes damaged."""
    # Most are numbers and names: lists and objects of another type are refused at once.
    places = sorted(_places(values), key=lambda place: -len(place))
    odd = st.integers(-2, 30) | st.sampled_from([*ODD_WORDS, None, [], {}, 10**400]) | ODD
    changes = st.lists(st.tuples(st.sampled_from(places), odd), max_size=2)
    text = json.dumps(values)
    replaced = changes.map(lambda made: json.dumps(_replaced(text, made)).encode())
    return _mostly(replaced, odd_words(text))


def _mostly(usual: SearchStrategy[bytes], other: SearchStrategy[bytes]) -> SearchStrategy[bytes]:
    # `one_of` would choose both alike, however often one is repeated.
    return st.integers(0, 5).flatmap(lambda n: usual if n else other)


def odd_words(text: str, word: str = r"([\w.+-]+)") -> SearchStrategy[bytes]:
    """A text with some of its words and numbers replaced, or its bytes damaged."""
    parts = re.split(word, text)
    places = st.integers(0, len(parts) // 2 - 1).map(lambda n: 2 * n + 1)
    odd = st.one_of(st.sampled_from(ODD_WORDS), st.integers(-2, 30).map(str), st.floats().map(str))
    changes = st.dictionaries(places, odd, max_size=2)
    replaced = changes.map(
        lambda made: "".join(made.get(n, part) for n, part in enumerate(parts)).encode()
    )
    harmed = damaged({"text": text.encode()}).map(lambda named: named[1])
    return _mostly(replaced, harmed)


def _places(values: object, place: Place = ()) -> Iterator[Place]:
    yield place
    if isinstance(values, dict | list):
        for key, value in values.items() if isinstance(values, dict) else enumerate(values):
            yield from _places(value, (*place, key))


def _replaced(text: str, changes: list[tuple[Place, object]]) -> object:
    whole = {"": json.loads(text)}
    for place, value in changes:
        *inner, last = ("", *place)
        at: object = whole
        for key in inner:
            at = at[key] if isinstance(at, dict | list) and _has(at, key) else None
        if isinstance(at, dict | list) and _has(at, last):
            at[last] = value
    return whole[""]


def _has(values: object, key: object) -> bool:
    if isinstance(values, list):
        return isinstance(key, int) and key < len(values)
    return isinstance(values, dict) and key in values


@cache
def folder() -> Path:
    """A temporary folder of this process; the system empties it."""
    return Path(tempfile.mkdtemp(prefix="fuzz-"))


def put(name: str, data: bytes) -> Path:
    path = folder() / name
    path.write_bytes(data)
    return path
