"""Real-time semantic segmentation with SeaFormer on small boards.

    from seaformer_edge import Segmenter

    segmenter = Segmenter.from_path("model.pte")
    segmentation = segmenter(image)  # (H, W, 3) uint8 RGB

What is listed in `__all__` stays; names elsewhere may move between versions.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from seaformer_edge._version import __version__

if TYPE_CHECKING:
    from seaformer_edge.errors import ModelError, SeaformerEdgeError, SinkError, SourceError
    from seaformer_edge.frame import ClassShare, Frame, Segmentation
    from seaformer_edge.hub.card import Card
    from seaformer_edge.inference.segmenter import Classifier, Segmenter
    from seaformer_edge.inference.views import draw
    from seaformer_edge.runtime import Program, open_program
    from seaformer_edge.sinks import open_sink
    from seaformer_edge.sources import open_source

__all__ = [
    "Card",
    "ClassShare",
    "Classifier",
    "Frame",
    "ModelError",
    "Program",
    "SeaformerEdgeError",
    "Segmentation",
    "Segmenter",
    "SinkError",
    "SourceError",
    "__version__",
    "draw",
    "open_program",
    "open_sink",
    "open_source",
]

_MODULES = {
    "Card": "hub.card",
    "Classifier": "inference.segmenter",
    "ClassShare": "frame",
    "Frame": "frame",
    "ModelError": "errors",
    "Program": "runtime",
    "SeaformerEdgeError": "errors",
    "Segmentation": "frame",
    "Segmenter": "inference.segmenter",
    "SinkError": "errors",
    "SourceError": "errors",
    "draw": "inference.views",
    "open_program": "runtime",
    "open_sink": "sinks",
    "open_source": "sources",
}


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for: OpenCV and PyAV take their time."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
