"""The faults of scripts/verify/soak, and the normal running between them."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from statistics import median

import psutil
from mjpeg_server import MjpegServer
from soaking.growth import Sample

from seaformer_edge.hub.card import read_card
from seaformer_edge.live import LiveStatus
from seaformer_edge.live.stats import SourceState
from seaformer_edge.sinks import VideoFile
from seaformer_edge.sources import SyntheticSource, open_source
from seaformer_edge.sources.synthetic import read_counter
from seaformer_edge_gui.controller import Controller

NORMAL_S = 12.0
TIMEOUT_S = 60.0
WIDTH, HEIGHT = 640, 480
JOB_FRAMES = 60
FULL_DISK_BYTES = 100_000
STREAM_FPS = 10
PROCESS = psutil.Process()


class FaultError(Exception):
    """A fault was not handled as it should be."""


class Soak:
    """A controller under test and the faults that can be injected.

    Args:
        controller: a running controller.
        spin: polls the controller for the given seconds, as the window does.
        model, other: programs to change between.
        server: a stream that can be made to fail.
        folder: for clips and damaged models.
    """

    def __init__(
        self,
        controller: Controller,
        spin: Callable[[float], None],
        model: Path,
        other: Path,
        server: MjpegServer,
        folder: Path,
    ) -> None:
        self.controller = controller
        self.spin = spin
        self.server = server
        self.lost_frames = 0
        self.jobs = 0
        self._normal_source = controller.settings.source
        self._models = cycle((other, model))
        self._model = model
        self._folder = folder
        self._threads = controller.settings.threads
        self._clip = _clip(folder / "clip.mp4")
        self.faults: dict[str, Callable[[], None]] = {
            "stream cut": lambda: self._stream("cut", SourceState.RECONNECTING),
            "stream stalled": lambda: self._stream("silent", SourceState.STALLED),
            "stream sends garbage": self._garbage,
            "source worker killed": self._kill_source,
            "another model": self._change_model,
            "missing camera": self._missing_camera,
            "missing file": self._missing_file,
            "another size and rate": self._other_size,
            "recording": self._record,
            "recording on a full disk": self._record_on_full_disk,
            "missing model": self._missing_model,
            "damaged model": self._damaged_model,
            "threads": self._change_threads,
            "snapshot": self._snapshot,
            "pause": self._pause,
            "search in a file": self._search,
            "file job": self._file_job,
        }

    def run_normally(self, elapsed_s: float, fault: str) -> tuple[Sample, list[float]]:
        """Runs the synthetic source for `NORMAL_S`.

        Args:
            elapsed_s: duration of the whole run so far.
            fault: the previous fault; "" for none.

        Returns:
            The resources in use, and the latencies of the painted frames in milliseconds.
        """
        started_at_s = time.monotonic()
        if self.controller.settings.source != self._normal_source:
            self.controller.set_source(self._normal_source)
        self.until(
            lambda s: s.source == self._normal_source and s.source_state is SourceState.RUNNING,
            "the synthetic source",
        )
        self.until(lambda s: s.model is not None and not s.loading, "a model")
        self.spin(2.0)
        last_s, end_s = time.monotonic(), time.monotonic() + NORMAL_S - 2.0
        latencies_ms, resident_mb = [], []
        while (now_s := time.monotonic()) < end_s:
            self.spin(min(0.5, end_s - now_s))
            resident_mb.append(PROCESS.memory_info().rss / 2**20)
            for painted_s, latency_ms in self.controller.status().latency_history:
                if painted_s > last_s:
                    last_s = painted_s
                    latencies_ms.append(latency_ms)
        sample = Sample(
            elapsed_s + time.monotonic() - started_at_s,
            median(resident_mb),
            PROCESS.num_threads(),
            PROCESS.num_fds(),
            (self._model.stem, fault),
        )
        return sample, latencies_ms

    def until(self, condition: Callable[[LiveStatus], bool], name: str) -> LiveStatus:
        """Runs until the condition holds, and returns the status at that time."""
        end_s = time.monotonic() + TIMEOUT_S
        while not condition(status := self.controller.status()):
            if time.monotonic() > end_s:
                raise FaultError(f"timeout waiting for {name}: {status.message}; {status.notice}")
            self.spin(0.05)
        return status

    # The faults. Each method returns when the fault has been reported or has been handled.

    def _stream(self, mode: str, shown: SourceState) -> None:
        self._open_stream()
        self.server.mode = mode
        self.until(lambda s: s.source_state is shown, f"{shown.name} to be shown")
        self.spin(1.0)
        self.server.mode = "live"
        self.until(lambda s: s.source_state is SourceState.RUNNING, "the stream to resume")

    def _garbage(self) -> None:
        self._open_stream()
        before = self.controller.status().dropped.get("corrupt", 0)
        self.server.mode = "garbage"
        self.spin(1.0)
        self.server.mode = "live"
        self.until(lambda s: s.dropped.get("corrupt", 0) > before, "garbage to be counted")
        self.until(lambda s: s.source_state is SourceState.RUNNING, "the stream to resume")

    def _kill_source(self) -> None:
        self._open_stream()
        for child in psutil.Process().children():
            if "seaformer_edge.sources.worker" in child.cmdline():
                child.kill()
        self.until(
            lambda s: s.source_state is SourceState.RECONNECTING,
            "the dead worker",
        )
        self.until(lambda s: s.source_state is SourceState.RUNNING, "the stream to resume")

    def _open_stream(self) -> None:
        self.server.mode = "live"
        self.controller.set_source(self.server.url)
        self.until(
            lambda s: s.source == self.server.url and s.source_state is SourceState.RUNNING,
            "the stream",
        )

    def _missing_camera(self) -> None:
        self.controller.set_source("/dev/video97")
        self.until(
            lambda s: s.source_state is SourceState.RECONNECTING,
            "the missing camera",
        )

    def _missing_file(self) -> None:
        self.controller.set_source(str(self._folder / "nowhere.mp4"))
        self.until(lambda s: s.source_state is SourceState.FAILED, "the missing file")

    def _other_size(self) -> None:
        self.controller.set_source("synthetic:1280x720@15")
        self.until(lambda s: s.frame_size == (1280, 720), "the other size")
        self.spin(1.0)

    def _change_model(self) -> None:
        self._model = next(self._models)
        self.controller.set_model(str(self._model))
        self._wait_for_model()

    def _wait_for_model(self) -> None:
        name = read_card(self._model).name
        self.until(lambda s: s.model == name and not s.loading, f"the model {name}")

    def _missing_model(self) -> None:
        self._expect_refusal(self._folder / "nowhere.pte")

    def _damaged_model(self) -> None:
        damaged = self._folder / "damaged.pte"
        damaged.write_bytes(self._model.read_bytes()[:-1000])
        shutil.copy(self._model.with_suffix(".json"), damaged.with_suffix(".json"))
        self._expect_refusal(damaged)

    def _expect_refusal(self, path: Path) -> None:
        self.controller.set_model(str(path))
        self.until(
            lambda s: (message := self.controller.message(s)) is not None and message.is_error,
            "the error message",
        )
        self._wait_for_model()

    def _change_threads(self) -> None:
        for threads in (self._threads % 2 + 1, self._threads):
            self.controller.set_threads(threads)
            self.until(lambda s, n=threads: s.threads == n and not s.loading, "other threads")

    def _record(self) -> None:
        self.controller.toggle_recording()
        path = self.until(lambda s: s.recording is not None, "a recording").recording
        assert path is not None
        shown = self.until(lambda s: s.recorded_frames > 3 * STREAM_FPS, "recorded frames")
        self.controller.toggle_recording()
        self.until(lambda s: s.recording is None, "the end of the recording")
        with open_source(path) as source:
            frames = sum(1 for _ in source)
        if frames < shown.recorded_frames:
            raise FaultError(f"{frames} of {shown.recorded_frames} recorded frames play")
        path.unlink()

    def _record_on_full_disk(self) -> None:
        unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_DISK_BYTES, unlimited[1]))
        try:
            self.controller.toggle_recording()
            path = self.until(lambda s: s.recording is not None, "a recording").recording
            self.until(lambda s: s.recording is None and bool(s.notice), "the full disk")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        assert path is not None
        path.unlink(missing_ok=True)

    def _snapshot(self) -> None:
        self.controller.take_snapshot()
        folder = self.controller.folder
        self.until(lambda s: len(list(folder.glob("*.png"))) == 3, "three pictures")
        for path in folder.glob("*.png"):
            path.unlink()

    def _pause(self) -> None:
        self.controller.toggle_pause()
        self.until(lambda s: s.paused, "the pause")
        self.spin(2.0)
        self.controller.toggle_pause()
        self.until(lambda s: not s.paused, "the end of the pause")

    def _search(self) -> None:
        self.controller.set_source(str(self._clip))
        self.until(lambda s: s.position is not None, "the file")
        for i in range(20):
            self.controller.seek(i % 7 / 4)
            self.spin(0.05)
        for forward in (True, True, False):
            self.controller.step(forward=forward)
            self.spin(0.2)
        self.until(lambda s: s.paused and s.position is not None, "the pause of a step")
        self.controller.toggle_pause()

    def _file_job(self) -> None:
        result = self._folder / "result.mp4"
        options = ["--model", self._model, "--threads", "1", "--opacity", "0", "--overwrite"]
        command = [sys.executable, "-m", "seaformer_edge", "segment", self._clip, "-o", result]
        job = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
        self.until(lambda s: job.poll() is not None, "the file job")
        if job.returncode:
            raise FaultError(f"the file job ended with {job.returncode}")
        with open_source(result) as source:
            numbers = [read_counter(frame.image) for frame in source]
        self.jobs += 1
        self.lost_frames += len(set(range(JOB_FRAMES)) - set(numbers))


def _clip(path: Path) -> Path:
    """A video with a readable number in every frame."""
    with VideoFile(path) as file:
        for frame, _ in zip(SyntheticSource((WIDTH, HEIGHT)), range(JOB_FRAMES), strict=False):
            file.write(frame.image, frame.timestamp_s)
    return path
