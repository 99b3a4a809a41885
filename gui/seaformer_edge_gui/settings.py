"""The settings that the window stores between runs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Protocol

from seaformer_edge.inference.modes import Mode
from seaformer_edge.machine.cpu import usable_cores
from seaformer_edge.safe_text import redacted
from seaformer_edge.sources import CameraSettings
from seaformer_edge_gui.recordings import Recorded

MAX_THREADS = usable_cores()
MAX_EVERY = 30
MAX_RECENT = 8


class Theme(StrEnum):
    """The window's colours."""

    SYSTEM = "system"  # as the desktop's
    DARK = "dark"
    LIGHT = "light"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a user can set.

    Attributes:
        source: the value for `--source`; empty for the first camera, else the sample.
        model: a model's name or path; empty for the default.
        threads: for the network; 0 lets the runtime choose.
        every: the network runs on every n-th frame.
        smoothing: over time, 0 to 1.
        min_confidence: pixels of less have no class, 0 to 1.
        full_speed: play files as fast as possible, not at their frame rate.
        loop: begin files again at their end.
        picture_s: seconds for each picture of a folder; 0 plays them as the frames of a video.
        mode, opacity: see `View`.
        names: the regions in the picture bear their classes' names.
        recorded: what a recording holds.
        mirrored: swap left and right on the screen.
        recent: files, folders and URLs that were opened, the last one first.
        cameras: the settings of each camera, by the text that opens it.
        theme: dark, light or the desktop's.
    """

    source: str = ""
    model: str = ""
    threads: int = 0
    every: int = 1
    smoothing: float = 0.5
    min_confidence: float = 0.0
    full_speed: bool = False
    loop: bool = True
    picture_s: float = 3.0
    mode: Mode = Mode.OVERLAY
    opacity: float = 0.5
    names: bool = True
    recorded: Recorded = Recorded.VIEW
    mirrored: bool = False
    recent: tuple[str, ...] = ()
    cameras: Mapping[str, CameraSettings] = field(default_factory=dict)
    theme: Theme = Theme.SYSTEM


class Store(Protocol):
    """The part of QSettings that is used here."""

    def value(self, key: str, /) -> Any: ...

    def setValue(self, key: str, value: Any, /) -> None: ...


def load(store: Store) -> Settings:
    """The stored settings; the default for each one that is missing or invalid."""
    settings = Settings()
    for item in fields(Settings):
        text = store.value(item.name)
        if text is None:
            continue
        try:
            value = _parsed(text, getattr(settings, item.name))
        except (TypeError, ValueError):
            continue
        settings = replace(settings, **{item.name: value})
    return replace(
        settings,
        threads=min(max(settings.threads, 0), MAX_THREADS),
        every=min(max(settings.every, 1), MAX_EVERY),
        smoothing=min(max(settings.smoothing, 0.0), 1.0),
        min_confidence=min(max(settings.min_confidence, 0.0), 1.0),
        opacity=min(max(settings.opacity, 0.0), 1.0),
        picture_s=max(settings.picture_s, 0.0),
    )


def save(settings: Settings, store: Store) -> None:
    """Stores everything except sources whose URL holds a password or token."""
    if redacted(settings.source) != settings.source:
        settings = replace(settings, source="")
    recent = [source for source in settings.recent if redacted(source) == source]
    texts = asdict(settings)
    texts |= {"recent": json.dumps(recent), "cameras": json.dumps(texts["cameras"])}
    for name, value in texts.items():
        store.setValue(name, str(value))


def with_recent(recent: tuple[str, ...], source: str) -> tuple[str, ...]:
    """The recent sources after this one has been opened."""
    return (source, *(other for other in recent if other != source))[:MAX_RECENT]


def _parsed(text: Any, default: Any) -> Any:
    """A setting from its text, in the type of its default. Raises ValueError."""
    text = str(text)
    if isinstance(default, bool):
        return {"True": True, "False": False}.get(text, default)
    if isinstance(default, tuple):
        return tuple(str(item) for item in json.loads(text))[:MAX_RECENT]
    if isinstance(default, dict):
        return {str(k): CameraSettings.of(v) for k, v in dict(json.loads(text)).items()}
    value = type(default)(text)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(text)
    return value
