"""What the window remembers from one time to the next."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any, Protocol

from seaformer_edge.sources.stream import is_url, redacted
from seaformer_edge_gui.drawing import Mode

MAX_THREADS = os.cpu_count() or 1
MAX_EVERY = 30


class Theme(StrEnum):
    """The window's colours."""

    DARK = "dark"
    LIGHT = "light"


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a person can set.

    Attributes:
        source: what `--source` says; empty for the first camera, or the sample without one.
        model: a program's name or path; empty for the default.
        threads: for the network; 0 leaves it to the runtime.
        every: the network sees every n-th frame.
        smoothing: over time, 0 to 1.
        full_speed: files are played as fast as they go, not at their own pace.
        mode, opacity, mirrored: see `View`.
        theme: dark or light.
    """

    source: str = ""
    model: str = ""
    threads: int = 0
    every: int = 1
    smoothing: float = 0.5
    full_speed: bool = False
    mode: Mode = Mode.OVERLAY
    opacity: float = 0.5
    mirrored: bool = False
    theme: Theme = Theme.DARK


class Store(Protocol):
    """The part of QSettings that is needed here."""

    def value(self, key: str, /) -> Any: ...

    def setValue(self, key: str, value: Any, /) -> None: ...


def load(store: Store) -> Settings:
    """What was remembered; the default for whatever is missing or makes no sense."""
    settings = Settings()
    for field in fields(Settings):
        text = store.value(field.name)
        if text is None:
            continue
        try:
            value = _parsed(text, getattr(settings, field.name))
        except ValueError:
            continue
        settings = replace(settings, **{field.name: value})
    return replace(
        settings,
        threads=min(max(settings.threads, 0), MAX_THREADS),
        every=min(max(settings.every, 1), MAX_EVERY),
        smoothing=min(max(settings.smoothing, 0.0), 1.0),
        opacity=min(max(settings.opacity, 0.0), 1.0),
    )


def save(settings: Settings, store: Store) -> None:
    """Remembers everything but a source whose URL holds a secret."""
    if is_url(settings.source) and redacted(settings.source) != settings.source:
        settings = replace(settings, source="")
    for name, value in asdict(settings).items():
        store.setValue(name, str(value))


def _parsed(text: Any, default: Any) -> Any:
    """A setting from its text, as the kind of its default. Raises ValueError."""
    text = str(text)
    if isinstance(default, bool):
        return {"True": True, "False": False}.get(text, default)
    value = type(default)(text)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(text)
    return value
