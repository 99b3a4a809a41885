"""A camera for benchmarks: frames of `SyntheticSource` at their rate, in a child as a real camera.

`paced_cameras` lets live runs read every `synthetic:...` source so.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

from seaformer_edge.frame import Frame
from seaformer_edge.machine.child_process import serve
from seaformer_edge.sources import worker
from seaformer_edge.sources.process import SourceProcess
from seaformer_edge.sources.spec import SourceSpec
from seaformer_edge.sources.synthetic import SyntheticSource


class PacedSource(SyntheticSource):
    """A live source; a frame is captured when it is drawn."""

    is_live = True

    def __iter__(self) -> Iterator[Frame]:
        begun_s = time.monotonic()
        for frame in super().__iter__():
            now_s = time.monotonic()
            yield replace(frame, captured_at_s=now_s)
            # A camera does not deliver later what its reader was too slow for.
            begun_s = max(begun_s, now_s - frame.timestamp_s)
            next_s = begun_s + frame.timestamp_s + float(1 / self._rate)
            time.sleep(max(next_s - time.monotonic(), 0))


@contextmanager
def paced_cameras() -> Iterator[None]:
    """Live runs read `synthetic:...` from a child process that delivers it at its rate."""
    path = {"PYTHONPATH": str(Path(__file__).parent)}
    with (
        mock.patch.dict(os.environ, path),
        mock.patch.object(SourceProcess, "module", __name__),
        mock.patch.object(SourceSpec, "runs_in_worker", True),
    ):
        yield


if __name__ == "__main__":
    worker.open_source = lambda text, _: PacedSource.from_spec(text)  # type: ignore[assignment]
    serve(worker.handle)
