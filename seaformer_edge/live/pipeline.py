"""The threads between a source and the newest result, and who starts and ends them."""

from __future__ import annotations

import threading
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

from seaformer_edge.errors import SeaformerEdgeError, SinkError
from seaformer_edge.frame import Frame
from seaformer_edge.live.capture import Capture, SourceRequest
from seaformer_edge.live.inference import Inference, ModelRequest
from seaformer_edge.live.latest_value import LatestValue
from seaformer_edge.live.recording import DrawResult, Recorder, draw_overlay
from seaformer_edge.live.result import LiveResult, Prediction
from seaformer_edge.live.stats import LiveNumbers, LiveStats, LiveStatus

# What is left to the threads of the two seconds that stop() has, once they know.
JOIN_S = 1.3


class LivePipeline:
    """Owns the threads between a source and the newest result.

    Every method may be called from any thread and, `wait` and `stop` apart, returns at once;
    what it asks for happens soon after and shows in `status()`.

    Args:
        source: what `--source` says: a camera's number or name, `picamera`, `rtsp://` or
            `http://`, a video, picture, folder or pattern, `sample`, `synthetic:1280x720@30`.
        model: a .pte with its card beside it, segmenter or classifier.
        threads: for the network; None leaves it to the runtime.
        every: the network sees every n-th frame.
        smoothing: over time, 0 (off) to 1 (strongest).
        realtime: a file is played at its own pace; else as fast as it goes. Cameras and streams
            set their own pace.
        loop: a file starts again at its end.
    """

    def __init__(
        self,
        source: str | Path,
        model: Path,
        threads: int | None = None,
        *,
        every: int = 1,
        smoothing: float = 0.0,
        realtime: bool = True,
        loop: bool = False,
    ) -> None:
        self._slot: LatestValue[tuple[Frame, float]] = LatestValue()
        self._stats = LiveStats()
        self._capture = Capture(
            SourceRequest(source, realtime, loop), self._slot, self._stats, self._on_source_over
        )
        self._inference = Inference(
            ModelRequest(model, threads),
            self._slot,
            self._stats,
            self._publish,
            self._on_model_trouble,
            every=every,
            smoothing=smoothing,
        )
        # Its lock guards what follows; `_newest` alone is read without.
        self._changed = threading.Condition()
        self._newest: LiveResult | None = None
        self._sequence = 0
        self._model_error: SeaformerEdgeError | None = None  # why there is no model
        self._notice = ""
        self._recorder: Recorder | None = None
        self._stopping = False

    def start(self) -> None:
        """Starts the threads."""
        self._inference.start()
        self._capture.start()

    def stop(self) -> None:
        """Ends everything within two seconds, from any state: a recording is finished, and no
        thread, process or device is left. Never raises; may be called twice."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            recorder = self._recorder
        if recorder is not None:
            recorder.finish()
        self._inference.end()
        self._capture.end()
        threads = [*self._capture.threads, *self._inference.threads]
        if recorder is not None:
            threads.append(recorder.thread)
        deadline_s = monotonic() + JOIN_S
        for thread in threads:
            if thread.ident is not None:  # it was started
                thread.join(max(deadline_s - monotonic(), 0.0))

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits until a file has ended; True once it has, False when the time is up.

        Raises:
            SeaformerEdgeError: the source or the model failed for good.
        """
        deadline_s = None if timeout_s is None else monotonic() + timeout_s
        with self._changed:
            if not self._changed.wait_for(self._is_over, timeout_s):
                return False
            if self._stopping:
                return True
        left_s = None if deadline_s is None else max(deadline_s - monotonic(), 0.0)
        return self._stats.wait_idle(left_s)

    def _is_over(self) -> bool:
        if self._model_error is not None:
            raise self._model_error
        return self._stopping or self._capture.is_over()

    def newest(self) -> LiveResult | None:
        """The newest result, the same object until there is a newer one; None before the first."""
        return self._newest

    def painted(self, result: LiveResult) -> None:
        """Tells that `result` has just been painted; painting it again does not count."""
        self._stats.painted(
            monotonic(), result.sequence, result.captured_at_s, result.published_at_s
        )

    def status(self) -> LiveStatus:
        """The run at this moment; cheap enough for every frame of a display."""
        numbers = self._stats.numbers(monotonic())
        source, state, message = self._capture.status()
        with self._changed:
            notice, recorder = self._notice, self._recorder
        return LiveStatus(
            **{name: getattr(numbers, name) for name in LiveNumbers.__dataclass_fields__},
            source=source,
            source_state=state,
            message=message,
            notice=notice,
            model=self._inference.model_name,
            threads=self._inference.num_threads,
            loading=self._inference.loading,
            paused=self._capture.paused,
            recording=None if recorder is None else recorder.path,
            recorded_frames=recorder.frames if recorder else 0,
        )

    def switch_source(
        self, source: str | Path, *, realtime: bool = True, loop: bool = False
    ) -> None:
        """Takes another source; the last result stays until the new one has a frame."""
        self._capture.switch(SourceRequest(source, realtime, loop))

    def switch_model(self, model: Path) -> None:
        """Takes another model; if it cannot be had, the one before stays and `notice` says why."""
        self._forget_trouble()
        self._inference.switch(model)

    def set_threads(self, threads: int | None) -> None:
        """Loads the model again on another number of threads."""
        self._forget_trouble()
        self._inference.set_threads(threads)

    def set_every(self, every: int) -> None:
        """Lets the network see every n-th frame, 1 or more."""
        self._inference.every = every

    def set_smoothing(self, smoothing: float) -> None:
        """Sets the smoothing over time, 0 (off) to 1 (strongest)."""
        self._inference.smoothing = smoothing

    def pause(self) -> None:
        """Holds the picture: a file waits, a camera's frames are let go."""
        self._capture.pause(True)

    def resume(self) -> None:
        """Goes on after `pause`."""
        self._capture.pause(False)

    def start_recording(
        self, path: Path, draw: DrawResult = draw_overlay, *, overwrite: bool = False
    ) -> None:
        """Records every new result as a video, through the headless job's own writer.

        Args:
            path: its suffix is the format: .mp4, .mkv, .mov, .m4v, .webm.
            draw: a result to a picture, (H, W, 3) uint8 RGB; called in the recorder's thread.
            overwrite: replace a file that exists.

        Raises:
            SinkError: at once, if `path` cannot be written, or a recording is under way; what
                fails later ends the recording and shows in `status().notice`.
        """
        with self._changed:
            if self._recorder is not None:
                raise SinkError(f"{path}: {self._recorder.path} is being recorded; stop that first")
            if self._stopping:
                raise SinkError(f"{path}: the run has ended; start it again to record")
            # Earlier trouble is over, unless there is still no model.
            self._notice = str(self._model_error or "")
            self._recorder = Recorder(path, draw, overwrite, self._stats, self._on_recording_over)

    def stop_recording(self) -> None:
        """Finishes the file; `status().recording` is None once it is whole."""
        with self._changed:
            recorder = self._recorder
        if recorder is not None:
            recorder.finish()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # What the threads say.

    def _publish(
        self, frame: Frame, captured_at_s: float, seen: Prediction | None, current: bool
    ) -> None:
        with self._changed:
            self._sequence += 1
            result = LiveResult(frame, self._sequence, captured_at_s, monotonic(), seen, current)
            self._newest = result
            recorder = self._recorder
        if recorder is not None:
            recorder.put(result)
        self._stats.handed_on(-1)

    def _on_source_over(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _on_model_trouble(self, error: SeaformerEdgeError) -> None:
        with self._changed:
            self._notice = str(error)
            if self._inference.model_name is None:
                self._model_error = error
            self._changed.notify_all()

    def _forget_trouble(self) -> None:
        with self._changed:
            self._notice = ""
            self._model_error = None

    def _on_recording_over(self, recorder: Recorder, trouble: str) -> None:
        with self._changed:
            self._recorder = None
            if trouble:
                self._notice = trouble
