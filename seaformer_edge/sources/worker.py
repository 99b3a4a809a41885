"""The child process of `sources.process`: opens the source of the request and sends its frames."""

from __future__ import annotations

import logging
import sys

import cv2

from seaformer_edge.errors import SourceError
from seaformer_edge.machine.child_process import Connection, serve
from seaformer_edge.sources.camera_settings import CameraSettings
from seaformer_edge.sources.frame_ring import FrameRingWriter
from seaformer_edge.sources.process import GRACE_S
from seaformer_edge.sources.spec import open_source

MAX_BYTES = 768 << 20
"""A stream of 3840x2160 takes about 300 MB."""


def handle(connection: Connection) -> None:
    """Sends the frames of the source that the request names until it ends."""
    cv2.setNumThreads(1)  # leaves the other cores to the network
    _limit_memory()
    try:
        _send_frames(connection)
    except (SourceError, BrokenPipeError):
        raise
    except Exception as error:  # its text may hold a whole URL
        raise SourceError(f"the source failed ({type(error).__name__})") from None


def _limit_memory() -> None:
    """FFmpeg reads a picture of a stream whole, however long the server makes it."""
    if sys.platform != "linux":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    if most == resource.RLIM_INFINITY or most > MAX_BYTES:
        resource.setrlimit(resource.RLIMIT_DATA, (MAX_BYTES, most))


def _send_frames(connection: Connection) -> None:
    warnings: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: warnings.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("seaformer_edge").addHandler(handler)
    ring = FrameRingWriter(connection.request["ring"])
    camera = CameraSettings.of(connection.request["camera"])
    with open_source(connection.request["source"], camera) as source:
        source.new_image = ring.new_image
        rate = source.frame_rate
        connection.send(
            {
                "name": source.name,
                "frame_rate": None if rate is None else str(rate),
                "is_live": source.is_live,
                "pixel_aspect": str(source.pixel_aspect),
                "controls": dict(source.controls),
                "warnings": warnings,
            }
        )
        for frame in source:
            if connection.closing.is_set():
                return
            slot = ring.slot_of(frame.image)
            message = {
                "slot": slot,
                "slot_bytes": ring.slot_bytes,
                "shape": frame.image.shape,
                "index": frame.index,
                "timestamp_s": frame.timestamp_s,
                "captured_at_s": frame.captured_at_s,
                "lost_frames": source.lost_frames,
            }
            connection.send(message, frame.image.data if slot is None else b"")
        connection.send({"ended": True, "lost_frames": source.lost_frames})


if __name__ == "__main__":
    serve(handle, grace_s=GRACE_S / 2)
