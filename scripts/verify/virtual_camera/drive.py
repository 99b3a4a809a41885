"""Checks the picamera source with the real picamera2; check_picamera runs it in its Debian.

Every check prints one line.
"""

from __future__ import annotations

import gc
import threading
from itertools import islice, pairwise
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import picamera2

from seaformer_edge.errors import SourceError
from seaformer_edge.hub.zoo import resolve_model
from seaformer_edge.live import LivePipeline
from seaformer_edge.sources import list_sources, open_source
from seaformer_edge.sources.process import SourceProcess

# White, yellow, cyan, green, magenta, red, blue, black; they move by one column per frame.
BARS = np.array([(r, g, b) for g in (255, 0) for r in (255, 0) for b in (255, 0)])
FRAMES = 200  # far more than the four buffers
RESTARTS = 10

requests = []
_capture_request = picamera2.Picamera2.capture_request


def capture_request(self, *arguments, **options):
    requests.append(_capture_request(self, *arguments, **options))
    return requests[-1]


picamera2.Picamera2.capture_request = capture_request


def main() -> None:
    (listed,) = [source for source in list_sources() if source.spec == "picamera"]
    print(f"listed: {listed.name}")

    with open_source("picamera") as source:
        check_frames(source)
        check_newest(source)
        check_in_use()
    source.close()  # a second time
    assert list(source) == []
    resources_closed = resources()
    print(f"closed: {resources_closed[0]} thread, {resources_closed[1]} open files")

    for _ in range(RESTARTS):
        with open_source("picamera") as source:
            assert len(list(islice(source, 5))) == 5
            assert len(list(islice(source, 5))) == 5  # continues
    check_requests_returned()
    assert resources() == resources_closed
    print(f"opened and closed {RESTARTS} more times: as many threads and files as before")

    check_worker()
    check_live()


def check_frames(source) -> None:
    frames = list(islice(source, FRAMES))
    check_requests_returned()
    assert source.frame_size == (1280, 720)
    assert [frame.index for frame in frames] == list(range(FRAMES))
    assert all(a.timestamp_s < b.timestamp_s for a, b in pairwise(frames))
    for frame in frames:
        assert frame.image.shape == (720, 1280, 3)
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous
        check_bars(frame.image)
    print(f"{FRAMES} frames of 1280x720, all buffers returned; the bars are correct")


def check_bars(image) -> None:
    """Checks for the eight colours in order, an eighth of the width each, from any start."""
    distance = np.abs(image[360, :, None].astype(int) - BARS).max(axis=-1)  # (width, bars)
    seen, clear = distance.argmin(axis=1), distance.min(axis=1) < 16
    assert clear.mean() > 0.9
    assert (np.bincount(seen[clear], minlength=8) > 140).all()
    steps = np.diff(seen[clear]) % 8
    assert set(steps) == {0, 1}, set(steps)


def check_newest(source) -> None:
    """Checks that a frame after a pause was captured after it."""
    frames = iter(source)
    next(frames)
    ages_s = []
    for _ in range(5):
        sleep(0.5)
        requested_at_s = monotonic()
        ages_s.append(requested_at_s - (next(frames).captured_at_s or 0.0))
    assert max(ages_s) < 0.1, ages_s
    print(f"after pauses of 500 ms no frame was older than {max(ages_s) * 1e3:.0f} ms")


def check_in_use() -> None:
    try:
        open_source("picamera")
    except SourceError as error:
        print(f"opened twice: {error}")
    else:
        raise AssertionError("opened twice")


def check_requests_returned() -> None:
    """Checks that every captured request was returned to the camera."""
    assert requests
    assert all(request.request is None for request in requests)
    requests.clear()


def check_worker() -> None:
    worker = SourceProcess("picamera")
    try:
        frames = list(islice(worker, 50))
    finally:
        worker.close()
    assert [frame.index for frame in frames] == list(range(50))
    check_bars(frames[-1].image)
    print("50 frames through the worker process of live runs")


def check_live() -> None:
    live = LivePipeline("picamera", resolve_model(None))
    live.start()
    started_at_s = monotonic()
    while (result := live.newest()) is None or result.segmentation is None:
        assert monotonic() - started_at_s < 30, "no result"
        sleep(0.01)
    stopping_at_s = monotonic()
    live.stop()
    took_s = monotonic() - stopping_at_s
    assert result.segmentation.label_map.shape == (720, 1280)
    print(f"live: segmented, stopped in {took_s:.1f} s")
    with open_source("picamera") as source:
        next(iter(source))
    print("the camera can be opened again")


def resources() -> tuple[int, int]:
    """Number of threads and of open files, after garbage collection."""
    gc.collect()
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


if __name__ == "__main__":
    main()
