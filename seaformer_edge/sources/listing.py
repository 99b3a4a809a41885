"""The available sources: what `--list-sources` and the window show."""

from __future__ import annotations

from seaformer_edge.errors import SourceError
from seaformer_edge.sources.devices import list_cameras
from seaformer_edge.sources.info import SourceInfo
from seaformer_edge.sources.picamera import ribbon_cameras
from seaformer_edge.sources.spec import open_source

_BUNDLED = {"sample": "the bundled clip", "synthetic": "moving shapes, as synthetic:1280x720@30"}


def list_sources() -> list[SourceInfo]:
    """The cameras, then `sample` and `synthetic`.

    On Linux without turning the cameras on; elsewhere each is opened for a moment.
    """
    bundled = []
    for spec, name in _BUNDLED.items():
        with open_source(spec) as source:
            bundled.append(SourceInfo.of(source, spec, name))
    return [*list_cameras(), *_list_ribbon_cameras(), *bundled]


def _list_ribbon_cameras() -> list[SourceInfo]:
    try:
        cameras = ribbon_cameras()
    except SourceError:
        return []
    return [SourceInfo("picamera", str(cameras[0].get("Model", "camera")), ())] if cameras else []
