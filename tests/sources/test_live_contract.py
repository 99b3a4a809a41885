"""The contract of live sources, tested with each of them, in this process and in a worker."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice, pairwise
from pathlib import Path
from time import monotonic

import cv2
import numpy as np
import pytest
from fake_cameras import FakeCapture
from mjpeg_server import MjpegServer

from seaformer_edge.frame import Frame
from seaformer_edge.sources import FrameSource, open_source
from seaformer_edge.sources.process import SourceProcess, WorkerSource
from seaformer_edge.sources.synthetic import read_counter

COUNT = 8


@pytest.fixture
def resources() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def _camera(stack: ExitStack, patch: pytest.MonkeyPatch) -> str:
    patch.setattr(cv2, "VideoCapture", FakeCapture)
    return "0"


def _picamera(stack: ExitStack, patch: pytest.MonkeyPatch) -> str:
    patch.syspath_prepend(Path(__file__).parent / "fake_picamera2")
    stack.callback(sys.modules.pop, "picamera2", None)
    return "picamera"


def _mjpeg(stack: ExitStack, patch: pytest.MonkeyPatch) -> str:
    return stack.enter_context(MjpegServer()).url


def _synthetic(stack: ExitStack, patch: pytest.MonkeyPatch) -> str:
    return "synthetic:96x64@50"


SPECS: dict[str, Callable[[ExitStack, pytest.MonkeyPatch], str]] = {
    "camera": _camera,
    "picamera": _picamera,
    "mjpeg": _mjpeg,
    "synthetic": _synthetic,
}


@pytest.fixture(params=SPECS)
def source(
    request: pytest.FixtureRequest, resources: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> FrameSource:
    spec = SPECS[request.param](resources, monkeypatch)
    return resources.enter_context(open_source(spec))


def _take(frames: Iterator[Frame], count: int = COUNT) -> list[Frame]:
    return list(islice(frames, count))


def test_frames_match_the_properties_of_the_source(source: FrameSource) -> None:
    for frame in _take(iter(source)):
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous
        assert frame.image.shape == (source.frame_size[1], source.frame_size[0], 3)
    assert source.frame_count is None
    assert source.files == ()
    assert source.name


def test_frames_are_rgb(source: FrameSource) -> None:
    """The sky of the scene is blue and its car is red, whatever order a driver uses."""
    height = source.frame_size[1]
    sky = next(iter(source)).image[round(height * 0.42)].mean(axis=0)
    assert sky[2] > sky[1] + 20 > sky[0] + 20


def test_frames_are_in_order_and_have_capture_times(source: FrameSource) -> None:
    before_s = monotonic() - 2
    frames = _take(iter(source))
    assert [frame.index for frame in frames] == list(range(COUNT))
    assert frames[0].timestamp_s == 0
    assert all(a.timestamp_s < b.timestamp_s for a, b in pairwise(frames))
    counters = [read_counter(frame.image) for frame in frames]
    assert all(a < b for a, b in pairwise(counters))
    if source.is_live:
        captured_at_s = [frame.captured_at_s or 0.0 for frame in frames]
        assert before_s < captured_at_s[0] < captured_at_s[-1] <= monotonic()
        for frame in frames:
            assert frame.timestamp_s == pytest.approx((frame.captured_at_s or 0) - captured_at_s[0])


def test_frames_may_be_kept(source: FrameSource) -> None:
    frames = iter(source)
    first = next(frames).image
    kept = first.copy()
    _take(frames)
    assert np.array_equal(first, kept)


def test_iterating_again_continues_with_the_newest_frame(source: FrameSource) -> None:
    before = read_counter(_take(iter(source))[-1].image)
    again = _take(iter(source))
    assert [frame.index for frame in again] == list(range(COUNT))
    if source.is_live:
        assert read_counter(again[0].image) > before
    else:
        assert read_counter(again[0].image) == 0


def test_closes_twice(source: FrameSource) -> None:
    next(iter(source))
    source.close()
    source.close()


@pytest.mark.parametrize("kind", ["mjpeg", "picamera", "synthetic"])
def test_a_worker_process_delivers_the_same_frames(
    kind: str, resources: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = SPECS[kind](resources, monkeypatch)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "fake_picamera2"))
    child = SourceProcess(spec)
    resources.callback(child.close)
    frames = _take(iter(child))
    assert [frame.index for frame in frames] == list(range(COUNT))
    counters = [read_counter(frame.image) for frame in frames]
    assert all(a < b for a, b in pairwise(counters))
    assert child.is_live == (kind != "synthetic")
    assert child.name in (spec, "picamera")
    again = WorkerSource(spec)
    resources.callback(again.close)
    assert again.frame_size == (frames[0].image.shape[1], frames[0].image.shape[0])
    assert again.is_live == child.is_live
    for _ in range(2):
        assert [frame.index for frame in _take(iter(again))] == list(range(COUNT))
    if child.is_live:
        assert monotonic() - 60 < (frames[-1].captured_at_s or 0) <= monotonic()
