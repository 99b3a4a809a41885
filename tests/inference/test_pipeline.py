"""The offline pipeline: every frame in order, parallel stages, errors raised in the caller."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from clips import MemorySource, fake_segment, number, numbered
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seaformer_edge.errors import ModelError, SinkError, SourceError
from seaformer_edge.frame import Classification, ClassScore, ClassShare, Frame, Segmentation
from seaformer_edge.inference.pipeline import CHANNEL_CAPACITY, Channel, process
from seaformer_edge.sinks import Sink

COUNT = 28
PATIENCE_S = 20


class Recorder(Sink):
    """Collects the numbers of the frames."""

    def __init__(self) -> None:
        self.path = Path("nowhere")
        self.numbers: list[int] = []

    def write(self, frame: Frame, segmentation: Segmentation) -> None:
        assert segmentation.label_map.shape == frame.image.shape[:2]
        self.numbers.append(number(frame.image))

    def close(self) -> None:
        pass


@pytest.fixture
def source() -> MemorySource:
    return MemorySource([numbered(i) for i in range(COUNT)])


@pytest.fixture(autouse=True)
def _threads_end() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


def test_every_frame_reaches_every_sink_in_order(source: MemorySource) -> None:
    sinks = [Recorder(), Recorder()]
    ticks: list[None] = []
    summary = process(source, fake_segment, sinks, on_frame=lambda: ticks.append(None))
    assert sinks[0].numbers == sinks[1].numbers == list(range(COUNT))
    assert len(ticks) == summary.frames == COUNT
    assert not summary.interrupted


def test_stages_run_in_parallel(source: MemorySource) -> None:
    """Reading, segmenting and writing meet at a barrier, which no two stages could pass alone."""
    meeting = threading.Barrier(3, timeout=PATIENCE_S)

    class MeetingSource(MemorySource):
        def __iter__(self) -> Iterator[Frame]:
            for frame in super().__iter__():
                if frame.index == 4:
                    meeting.wait()
                yield frame

    class MeetingSink(Recorder):
        def write(self, frame: Frame, segmentation: Segmentation) -> None:
            if frame.index == 2:
                meeting.wait()
            super().write(frame, segmentation)

    def segment(image: NDArray[np.uint8]) -> Segmentation:
        if number(image) == 3:
            meeting.wait()
        return fake_segment(image)

    sink = MeetingSink()
    process(MeetingSource([numbered(i) for i in range(COUNT)]), segment, [sink])
    assert sink.numbers == list(range(COUNT))


def test_reader_waits_for_the_others() -> None:
    produced = 0
    seen_ahead = []

    class CountingSource(MemorySource):
        def __iter__(self) -> Iterator[Frame]:
            nonlocal produced
            for frame in super().__iter__():
                produced += 1
                yield frame

    class Slow(Recorder):
        def write(self, frame: Frame, segmentation: Segmentation) -> None:
            seen_ahead.append(produced - frame.index)

    process(CountingSource([numbered(i) for i in range(COUNT)]), fake_segment, [Slow()])
    # The frame written, a full channel, and the one the reader waits with.
    assert max(seen_ahead) <= CHANNEL_CAPACITY + 2


def test_two_frames_are_segmented_in_parallel(source: MemorySource) -> None:
    meeting = threading.Barrier(2, timeout=PATIENCE_S)

    def segment(image: NDArray[np.uint8]) -> Segmentation:
        meeting.wait()
        return fake_segment(image)

    sink = Recorder()
    process(source, segment, [sink])
    assert sink.numbers == list(range(COUNT))


def test_failing_source(source: MemorySource) -> None:
    class Breaking(MemorySource):
        def __iter__(self) -> Iterator[Frame]:
            for frame in super().__iter__():
                if frame.index == 7:
                    raise SourceError("unplugged")
                yield frame

    sink = Recorder()
    with pytest.raises(SourceError, match="unplugged"):
        process(Breaking([numbered(i) for i in range(COUNT)]), fake_segment, [sink])
    assert sink.numbers == list(range(7))


def test_failing_segmenter(source: MemorySource) -> None:
    def segment(image: NDArray[np.uint8]) -> Segmentation:
        if number(image) == 7:
            raise ModelError("burnt out")
        return fake_segment(image)

    sink = Recorder()
    with pytest.raises(ModelError, match="burnt out"):
        process(source, segment, [sink])
    assert sink.numbers == list(range(7))


@pytest.mark.parametrize("failing_frame", [0, 7, COUNT - 1])
def test_failing_sink(source: MemorySource, failing_frame: int) -> None:
    class Breaking(Recorder):
        def write(self, frame: Frame, segmentation: Segmentation) -> None:
            if frame.index == failing_frame:
                raise SinkError("disk full")
            super().write(frame, segmentation)

    sink = Breaking()
    with pytest.raises(SinkError, match="disk full"):
        process(source, fake_segment, [sink])
    assert sink.numbers == list(range(failing_frame))


def test_stop_ends_the_run_after_the_current_frame(source: MemorySource) -> None:
    stop = threading.Event()

    class Stopping(Recorder):
        def write(self, frame: Frame, segmentation: Segmentation) -> None:
            super().write(frame, segmentation)
            if frame.index == 7:
                stop.set()

    sink = Stopping()
    summary = process(source, fake_segment, [sink], stop=stop)
    assert summary.interrupted
    assert sink.numbers == list(range(8))
    assert summary.frames == 8


def test_stop_before_the_first_frame(source: MemorySource) -> None:
    stop = threading.Event()
    stop.set()
    summary = process(source, fake_segment, [Recorder()], stop=stop)
    assert (summary.frames, summary.classes, summary.interrupted) == (0, (), True)


def test_summary(source: MemorySource) -> None:
    def segment(image: NDArray[np.uint8]) -> Segmentation:
        share = number(image) / 10
        classes = (ClassShare(1, "road", share, 0.5), ClassShare(2, "tree", 1 - share, 1.0))
        return Segmentation(
            np.zeros(image.shape[:2], np.uint8),
            tuple(c for c in classes if c.share),
            {"network": 3.0},
        )

    source = MemorySource([numbered(i) for i in (0, 2, 10)])
    source.lost_frames = 5
    summary = process(source, segment, [])
    assert summary.frames == 3
    assert summary.lost_frames == 5
    assert summary.elapsed_s > 0
    assert list(summary.mean_ms) == ["decode", "network", "write"]
    assert summary.mean_ms["network"] == pytest.approx(3)
    assert [share.name for share in summary.classes] == ["tree", "road"]
    assert [share.share for share in summary.classes] == pytest.approx([0.6, 0.4])
    assert [share.confidence for share in summary.classes] == pytest.approx([1.0, 0.5])


@settings(deadline=None, max_examples=40)
@given(items=st.lists(st.integers(), max_size=30), capacity=st.integers(1, 5))
def test_channel_keeps_all_items_and_their_order(items: list[int], capacity: int) -> None:
    channel: Channel[int] = Channel(capacity)

    def produce() -> None:
        for item in items:
            assert channel.put(item)
        channel.finish()

    producer = threading.Thread(target=produce)
    producer.start()
    assert list(channel) == items
    producer.join()


def test_cancel_releases_a_waiting_producer() -> None:
    channel: Channel[int] = Channel(1)
    answers: list[bool] = []

    def produce() -> None:
        answers.extend([channel.put(1), channel.put(2)])

    producer = threading.Thread(target=produce)
    producer.start()
    channel.cancel()
    producer.join(PATIENCE_S)
    assert not producer.is_alive()
    assert answers[-1] is False
    assert list(channel) == []


def test_summary_of_a_classifier() -> None:
    def classify(image: NDArray[np.uint8]) -> Classification:
        scores = (ClassScore(1, "road", 0.75), ClassScore(2, "tree", 0.25))
        return Classification(scores[: 1 + number(image) % 2], {"network": 3.0})

    summary = process(MemorySource([numbered(i) for i in (0, 1)]), classify, [])
    assert summary.classes == (ClassScore(1, "road", 0.75), ClassScore(2, "tree", 0.125))
