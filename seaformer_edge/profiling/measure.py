"""Measures one model on one number of threads, in this process.

Single stream: a frame starts when the previous one ends. Blocks of network runs and blocks of
end-to-end runs alternate, so that temperature and other programs affect both alike.
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
from seaformer_edge.inference.preprocess import preprocess_for
from seaformer_edge.inference.segmenter import Classifier, Segmenter
from seaformer_edge.inference.views import draw
from seaformer_edge.machine.board import SystemMonitor, SystemReading
from seaformer_edge.profiling.latency import LatencySeries, LatencyStats
from seaformer_edge.profiling.record import (
    Memory,
    ModelInfo,
    OperatorTime,
    Protocol,
    Run,
    TimelinePoint,
)
from seaformer_edge.runtime import Program, binding, open_program

BLOCK_S = 0.25
READING_S = 1.0
OPERATOR_RUNS = 32
PICTURES = ("city_parking_deck.jpg", "venice_promenade.jpg")


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure.

    Attributes:
        model: a .pte program with its card beside it.
        threads: of the network.
        frame_size: (width, height) of the camera's frame.
        protocol: how long to measure.
        operators: whether to time every operator of the network afterwards.
    """

    model: Path
    threads: int
    frame_size: tuple[int, int]
    protocol: Protocol
    operators: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run.

    Attributes:
        done: completed share of the run, 0 to 1.
        network_ms, end_to_end_ms: medians since the previous progress.
        temperature_c: of the processor; None if unknown.
    """

    done: float
    network_ms: float
    end_to_end_ms: float
    temperature_c: float | None


class _Workload:
    """Processes frames one after the other and records their latencies.

    Args:
        work: processes the frame with the given number, and returns milliseconds by stage.
        clock: returns seconds; `begun_s` is time 0 of the recorded latencies.
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
        self.latencies = LatencySeries()
        self.stages: dict[str, LatencySeries] = {}

    def run_block(self) -> None:
        """Processes frames for `BLOCK_S`, at least one."""
        block_ends_s = self._clock() + BLOCK_S
        while True:
            started_s = self._clock()
            stages_ms = self._work(self._frames)
            ended_s = self._clock()
            self._frames += 1
            self._add(started_s - self._begun_s, (ended_s - started_s) * 1e3, stages_ms)
            if ended_s >= block_ends_s:
                return

    def _add(self, time_s: float, latency_ms: float, stages_ms: dict[str, float]) -> None:
        self.latencies.add(time_s, latency_ms)
        if stages_ms:
            stages_ms["other"] = latency_ms - sum(stages_ms.values())
        for stage, stage_ms in stages_ms.items():
            self.stages.setdefault(stage, LatencySeries()).add(time_s, stage_ms)
        if time_s >= self._protocol.first_s:
            self._steady_frames += 1
            self._steady_s += latency_ms / 1e3

    def done(self) -> float:
        """The completed share of the protocol, 0 to 1."""
        protocol = self._protocol
        shares = (self._steady_frames / protocol.frames, self._steady_s / protocol.seconds)
        share = min(shares) if protocol.needs_both else max(shares)
        return min(share, 1.0)


def measure(
    request: Request,
    on_progress: Callable[[Progress], None],
    monitor: SystemMonitor | None = None,
    clock: Callable[[], float] = perf_counter,
) -> Run:
    """Measures one model on one number of threads.

    Args:
        on_progress: called about once a second.
        monitor: reads the state of the machine.
        clock: returns seconds.

    Raises:
        ModelError: the model cannot be opened or fails, or its operators cannot be timed.
    """
    if request.operators and not binding().runs_overlap:
        raise ModelError(
            f"{request.model}: timing operators needs the native extension; install a C++ compiler"
            " and reinstall seaformer-edge"
        )
    cv2.setNumThreads(1)  # as in a live run, where the other threads are the network's
    monitor = monitor or SystemMonitor()
    frames = _camera_frames(request.frame_size)
    before = monitor.read()
    started_s = clock()
    card = verify(request.model)
    program = open_program(request.model, request.threads)
    process_frame = _end_to_end(program, card, clock)
    load_ms = (clock() - started_s) * 1e3
    started_s = clock()
    process_frame(frames[0])
    first_frame_ms = (clock() - started_s) * 1e3
    readings = [(0.0, monitor.read())]

    inputs = [preprocess_for(card, frame) for frame in frames]

    def run_network(number: int) -> dict[str, float]:
        program.run(inputs[number % len(inputs)])
        return {}

    def run_end_to_end(number: int) -> dict[str, float]:
        return process_frame(frames[number % len(frames)])

    for number in range(request.protocol.warmup_frames):
        run_network(number)
        run_end_to_end(number)

    begun_s = clock()
    network = _Workload(run_network, request.protocol, clock, begun_s)
    end_to_end = _Workload(run_end_to_end, request.protocol, clock, begun_s)
    done = 0.0
    while done < 1:
        network.run_block()
        end_to_end.run_block()
        done = min(network.done(), end_to_end.done())
        time_s, last_s = clock() - begun_s, readings[-1][0]
        if time_s - last_s >= READING_S or done >= 1:
            readings.append((time_s, monitor.read()))
            network_ms, end_to_end_ms = (
                median(workload.latencies.between(last_s)) for workload in (network, end_to_end)
            )
            temperature_c = readings[-1][1].temperature_c
            on_progress(Progress(done, network_ms, end_to_end_ms, temperature_c))

    first_s = request.protocol.first_s
    return Run(
        model=_model_info(request.model.stem, card),
        frame_size=request.frame_size,
        threads=request.threads,
        load_ms=load_ms,
        first_frame_ms=first_frame_ms,
        memory=Memory(
            before.process_rss_mb,
            readings[0][1].process_rss_mb,
            max(reading.process_rss_mb for _, reading in readings),
        ),
        network=LatencyStats.of(network.latencies.between(first_s)),
        end_to_end=LatencyStats.of(end_to_end.latencies.between(first_s)),
        network_first=LatencyStats.of(network.latencies.until(first_s)),
        end_to_end_first=LatencyStats.of(end_to_end.latencies.until(first_s)),
        stages={
            stage: LatencyStats.of(series.between(first_s))
            for stage, series in end_to_end.stages.items()
        },
        before=before,
        after=readings[-1][1],
        throttled=_throttled(before, [reading for _, reading in readings]),
        timeline=_timeline(network.latencies, end_to_end.latencies, readings),
        operators=_operator_times_ms(request, inputs[0]) if request.operators else (),
    )


def _camera_frames(size: tuple[int, int]) -> list[NDArray[np.uint8]]:
    """Photographs, so that the label maps have a realistic number of classes and edges."""
    frames = []
    for name in PICTURES:
        picture = cv2.imread(str(sample_dir() / name))
        assert picture is not None, name
        resized = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        frames.append(cv2.cvtColor(resized, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False))
    return frames


def _end_to_end(
    program: Program, card: Card, clock: Callable[[], float]
) -> Callable[[NDArray[np.uint8]], dict[str, float]]:
    """A function from a camera's frame to its overlay; it returns milliseconds by stage."""
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


def _model_info(name: str, card: Card) -> ModelInfo:
    return ModelInfo(
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
    """Reasons for throttling in this run: from the readings, or newly remembered by the board."""
    reasons = [reason for reading in readings for reason in reading.throttled]
    reasons += [r for r in readings[-1].throttled_before if r not in before.throttled_before]
    return tuple(dict.fromkeys(reasons))


def _timeline(
    network: LatencySeries, end_to_end: LatencySeries, readings: list[tuple[float, SystemReading]]
) -> tuple[TimelinePoint, ...]:
    return tuple(
        TimelinePoint(
            end_s,
            _median(network.between(start_s, end_s)),
            _median(end_to_end.between(start_s, end_s)),
            reading,
        )
        for (start_s, _), (end_s, reading) in pairwise(readings)
    )


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _operator_times_ms(request: Request, image: NDArray[np.float32]) -> tuple[OperatorTime, ...]:
    """The median time of every operator over `OPERATOR_RUNS` runs, in order of execution."""
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
