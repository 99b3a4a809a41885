"""One model on one number of threads, measured in this process.

Single stream: the next frame begins when the one before is done. Blocks of the network alone and
of the whole frame's way take turns, so that both see the same heat and the same neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.card import Card, verify
from seaformer_edge.hub.paths import sample_dir
from seaformer_edge.inference.preprocess import preprocess
from seaformer_edge.inference.segmenter import Classifier, Segmenter
from seaformer_edge.inference.views import draw
from seaformer_edge.machine.board import SystemMonitor, SystemReading
from seaformer_edge.profiling.record import (
    Memory,
    ModelFacts,
    OperatorTime,
    Protocol,
    Run,
    Second,
)
from seaformer_edge.profiling.statistics import Collector, Latency
from seaformer_edge.runtime import Program, binding, open_program

BLOCK_S = 0.25
READING_S = 1.0
OPERATOR_RUNS = 32
PICTURES = ("city_parking_deck.jpg", "venice_promenade.jpg")


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure.

    Attributes:
        model: a .pte with its card beside it.
        threads: of the network.
        frame_size: (width, height) of the camera's frame.
        operators: whether to time every operator of the network afterwards.
    """

    model: Path
    threads: int
    frame_size: tuple[int, int]
    protocol: Protocol
    operators: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        done: share of the run, 0 to 1.
        network_ms, whole_ms: medians of the last second or so.
        temperature_c: of the processor, where it is told.
    """

    done: float
    network_ms: float
    whole_ms: float
    temperature_c: float | None


class _Job:
    """Work on frames, one after the other, and what they took.

    Args:
        work: on the frame of a number; gives milliseconds by part.
        clock: seconds; `begun_s` on it is the time 0 of what is collected.
    """

    def __init__(
        self,
        work: Callable[[int], dict[str, float]],
        protocol: Protocol,
        clock: Callable[[], float],
        begun_s: float,
    ) -> None:
        self._work, self._protocol, self._clock, self._begun_s = work, protocol, clock, begun_s
        self._frames, self._steady_frames, self._steady_s = 0, 0, 0.0
        self.latencies = Collector()
        self.parts: dict[str, Collector] = {}

    def run_block(self) -> None:
        """Works for a while, but on one frame at least."""
        block_ends_s = self._clock() + BLOCK_S
        while True:
            started_s = self._clock()
            parts_ms = self._work(self._frames)
            ended_s = self._clock()
            self._frames += 1
            self._add(started_s - self._begun_s, (ended_s - started_s) * 1e3, parts_ms)
            if ended_s >= block_ends_s:
                return

    def _add(self, time_s: float, latency_ms: float, parts_ms: dict[str, float]) -> None:
        self.latencies.add(time_s, latency_ms)
        if parts_ms:
            parts_ms["other"] = latency_ms - sum(parts_ms.values())
        for part, part_ms in parts_ms.items():
            self.parts.setdefault(part, Collector()).add(time_s, part_ms)
        if time_s >= self._protocol.first_s:
            self._steady_frames += 1
            self._steady_s += latency_ms / 1e3

    def done(self) -> float:
        """The share of the protocol that is done; 1 when the steady state has been seen enough."""
        plan = self._protocol
        shares = (self._steady_frames / plan.frames, self._steady_s / plan.seconds)
        share = min(shares) if plan.needs_both else max(shares)
        return min(share, 1.0)


def measure(
    request: Request,
    tell: Callable[[Progress], None],
    monitor: SystemMonitor | None = None,
    clock: Callable[[], float] = perf_counter,
) -> Run:
    """Measures one model on one number of threads.

    Args:
        tell: is called about once a second.
        monitor: of the machine.
        clock: seconds.

    Raises:
        ModelError: the model cannot be opened or fails, or its operators cannot be timed.
    """
    if request.operators and not binding().runs_overlap:
        raise ModelError(
            f"{request.model}: its operators can be timed by the native part only; install a C++"
            " compiler and then seaformer-edge again"
        )
    cv2.setNumThreads(1)  # as everywhere: the threads are the network's
    monitor = monitor or SystemMonitor()
    frames = _camera_frames(request.frame_size)
    before = monitor.read()
    started_s = clock()
    card = verify(request.model)
    program = open_program(request.model, request.threads)
    way = _whole_way(program, card, clock)
    load_ms = (clock() - started_s) * 1e3
    started_s = clock()
    way(frames[0])
    first_frame_ms = (clock() - started_s) * 1e3
    readings = [(0.0, monitor.read())]

    inputs = [preprocess(frame, card.height, card.width) for frame in frames]

    def run_network(number: int) -> dict[str, float]:
        program.run(inputs[number % len(inputs)])
        return {}

    def run_whole(number: int) -> dict[str, float]:
        return way(frames[number % len(frames)])

    for number in range(request.protocol.warmup_frames):
        run_network(number)
        run_whole(number)

    begun_s = clock()
    network = _Job(run_network, request.protocol, clock, begun_s)
    whole = _Job(run_whole, request.protocol, clock, begun_s)
    done = 0.0
    while done < 1:
        network.run_block()
        whole.run_block()
        done = min(network.done(), whole.done())
        time_s, last_s = clock() - begun_s, readings[-1][0]
        if time_s - last_s >= READING_S or done >= 1:
            readings.append((time_s, monitor.read()))
            network_ms, whole_ms = (median(j.latencies.between(last_s)) for j in (network, whole))
            tell(Progress(done, network_ms, whole_ms, readings[-1][1].temperature_c))

    first_s = request.protocol.first_s
    return Run(
        model=_facts(request.model.stem, card),
        frame_size=request.frame_size,
        threads=request.threads,
        load_ms=load_ms,
        first_frame_ms=first_frame_ms,
        memory=Memory(
            before.process_rss_mb,
            readings[0][1].process_rss_mb,
            max(reading.process_rss_mb for _, reading in readings),
        ),
        network=Latency.of(network.latencies.between(first_s)),
        whole=Latency.of(whole.latencies.between(first_s)),
        network_first=Latency.of(network.latencies.until(first_s)),
        whole_first=Latency.of(whole.latencies.until(first_s)),
        stages={part: Latency.of(times.between(first_s)) for part, times in whole.parts.items()},
        before=before,
        after=readings[-1][1],
        throttled=_throttled(before, [reading for _, reading in readings]),
        timeline=_timeline(network.latencies, whole.latencies, readings),
        operators=_operator_times_ms(request, inputs[0]) if request.operators else (),
    )


def _camera_frames(size: tuple[int, int]) -> list[NDArray[np.uint8]]:
    """Real pictures, so that the labels have as many classes and edges as they do outdoors."""
    frames = []
    for name in PICTURES:
        picture = cv2.imread(str(sample_dir() / name))
        assert picture is not None, name
        resized = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        frames.append(cv2.cvtColor(resized, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False))
    return frames


def _whole_way(
    program: Program, card: Card, clock: Callable[[], float]
) -> Callable[[NDArray[np.uint8]], dict[str, float]]:
    """From a camera's frame to what is shown of it; gives milliseconds by stage."""
    if card.task == "classification":
        classifier = Classifier(program, card)
        return lambda frame: classifier(frame).timings_ms

    segmenter = Segmenter(program, card)
    palette = np.array(card.palette, np.uint8)

    def segment(frame: NDArray[np.uint8]) -> dict[str, float]:
        segmentation = segmenter(frame)
        started_s = clock()
        draw(frame, segmentation.label_map, palette)
        return {**segmentation.timings_ms, "overlay": (clock() - started_s) * 1e3}

    return segment


def _facts(name: str, card: Card) -> ModelFacts:
    return ModelFacts(
        name,
        card.task,
        card.variant,
        card.precision,
        card.width,
        card.height,
        card.num_classes,
        card.sha256,
        card.accuracy,
    )


def _throttled(before: SystemReading, readings: list[SystemReading]) -> tuple[str, ...]:
    """What held the processor back in this run: seen by a reading, or remembered as new since."""
    reasons = [reason for reading in readings for reason in reading.throttled]
    reasons += [r for r in readings[-1].throttled_before if r not in before.throttled_before]
    return tuple(dict.fromkeys(reasons))


def _timeline(
    network: Collector, whole: Collector, readings: list[tuple[float, SystemReading]]
) -> tuple[Second, ...]:
    return tuple(
        Second(
            end_s,
            _median(network.between(start_s, end_s)),
            _median(whole.between(start_s, end_s)),
            reading,
        )
        for (start_s, _), (end_s, reading) in pairwise(readings)
    )


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _operator_times_ms(request: Request, image: NDArray[np.float32]) -> tuple[OperatorTime, ...]:
    """Of every operator in its order, the median over some runs."""
    from seaformer_edge.runtime.native import NativeProgram

    program = NativeProgram(request.model, request.threads, time_operators=True)
    runs = []
    for _ in range(OPERATOR_RUNS):
        program.run(image)
        runs.append(program.operator_times_ms())
    return tuple(
        OperatorTime(times[0][0], median(ms for _, ms in times))
        for times in zip(*runs, strict=True)
    )
