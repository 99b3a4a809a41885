"""Live inference: starts, connects and ends the threads between a source and its newest result."""

from __future__ import annotations

import threading
from collections.abc import Callable
from copy import copy
from pathlib import Path
from time import monotonic
from typing import Self

from seaformer_edge.deprecation import warn_renamed
from seaformer_edge.errors import SeaformerEdgeError, SinkError
from seaformer_edge.frame import Frame
from seaformer_edge.live.capture import Capture
from seaformer_edge.live.inference import Inference, ModelRequest
from seaformer_edge.live.latest_value import LatestValue
from seaformer_edge.live.recording import DrawResult, Recorder, draw_overlay
from seaformer_edge.live.result import LiveResult, Prediction
from seaformer_edge.live.series import Series
from seaformer_edge.live.source_reader import Seek, SourceRequest
from seaformer_edge.live.stats import LiveMetrics, LiveStats, LiveStatus
from seaformer_edge.sources.camera_settings import AS_IT_IS, CameraSettings

# stop() promises two seconds; this is left once every thread has been asked to end.
JOIN_S = 1.3


class LivePipeline:
    """Runs a model on the newest frames of a source.

    Every method may be called from any thread and returns at once, except `wait` and `stop`. A
    change takes effect soon after the call, and `status()` shows it.

    Args:
        source: as `--source`: a camera's number or `camera:NAME`, `picamera`, an `rtsp://` or
            `http://` URL, a video, picture, folder or pattern, `sample`, `synthetic:1280x720@30`.
        model: a .pte with its card next to it, of a segmenter or classifier.
        threads: for the network; None leaves it to the runtime.
        every: the network sees every n-th frame.
        smoothing: over time, 0 (off) to 1 (strongest).
        names: results have the regions that bear names, for views that show them.
        min_confidence: 0 to 1; pixels of less have no class. See `upsample_argmax`.
        realtime: play a file at its own frame rate, else as fast as possible. Cameras and streams
            are not affected.
        loop: restart a file at its end; a single picture is run once anyhow.
        picture_s: show each picture of a folder for this time, in seconds; None plays them as the
            frames of a video, 25 a second.
        camera: how a camera is opened; `status().warnings` has what it refused.
        displayed: somebody paints the results and says so with `painted`. Otherwise latencies end
            when a result is ready.
    """

    def __init__(
        self,
        source: str | Path,
        model: Path,
        threads: int | None = None,
        *,
        every: int = 1,
        smoothing: float = 0.0,
        names: bool = False,
        min_confidence: float = 0.0,
        realtime: bool = True,
        loop: bool = False,
        picture_s: float | None = None,
        camera: CameraSettings = AS_IT_IS,
        displayed: bool = True,
    ) -> None:
        self._displayed = displayed
        self._slot: LatestValue[Frame] = LatestValue()
        self._stats = LiveStats()
        self._capture = Capture(
            SourceRequest(source, realtime, loop, picture_s, camera),
            self._slot,
            self._stats,
            self._on_source_end,
        )
        self._inference = Inference(
            ModelRequest(model, threads),
            self._slot,
            self._stats,
            self._publish,
            self._on_model_error,
            on_load=self._capture.repeat,
            is_holding=lambda: self._capture.is_holding,
            every=every,
            smoothing=smoothing,
            names=names,
            min_confidence=min_confidence,
        )
        # Its lock guards the fields below it; only `_newest` is also read without the lock.
        self._changed = threading.Condition()
        self._newest: LiveResult | None = None
        self._sequence = 0
        self._model_error: SeaformerEdgeError | None = None  # why no model is loaded
        self._notice = ""
        self._recorder: Recorder | None = None
        self._on_result: Callable[[], None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Starts the threads."""
        self._inference.start()
        self._capture.start()

    def stop(self) -> None:
        """Ends the run within two seconds, from any state.

        A recording is finished; no thread, process or open device is left. Never raises, and may
        be called twice.
        """
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            recorder = self._recorder
        if recorder is not None:
            recorder.finish()
        self._inference.stop()
        self._capture.stop()
        threads = [*self._capture.threads, *self._inference.threads]
        if recorder is not None:
            threads.append(recorder.thread)
        deadline_s = monotonic() + JOIN_S
        for thread in threads:
            if thread.ident is not None:  # it was started
                thread.join(max(deadline_s - monotonic(), 0.0))

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits until a file has ended; True if it has, False after the timeout.

        Raises:
            SeaformerEdgeError: the source or the model failed for good.
        """
        deadline_s = None if timeout_s is None else monotonic() + timeout_s
        with self._changed:
            if not self._changed.wait_for(self._has_ended, timeout_s):
                return False
            if self._stopping:
                return True
        left_s = None if deadline_s is None else max(deadline_s - monotonic(), 0.0)
        return self._stats.wait_idle(left_s)

    def _has_ended(self) -> bool:
        if self._model_error is not None:
            raise copy(self._model_error)  # raising adds to the traceback
        return self._stopping or self._capture.has_ended()

    def newest(self) -> LiveResult | None:
        """The newest result, the same object until there is a newer one; None before the first."""
        return self._newest

    def notify(self, on_result: Callable[[], None] | None) -> None:
        """Has `on_result` called, in a thread of the run, whenever there is a newer result.

        It must return at once. None ends it.
        """
        self._on_result = on_result

    def painted(self, result: LiveResult) -> None:
        """Reports that `result` has just been painted; painting it again does not count."""
        self._stats.painted(
            monotonic(), result.sequence, result.captured_at_s, result.published_at_s
        )

    def status(self) -> LiveStatus:
        """The status now; cheap enough to be called for every frame of a display."""
        source, state, message = self._capture.status()
        controls, warnings = self._capture.camera
        paused = self._capture.paused
        metrics = self._stats.metrics(monotonic(), without_rates=paused)
        with self._changed:
            notice, recorder = self._notice, self._recorder
        return LiveStatus(
            **{name: getattr(metrics, name) for name in LiveMetrics.__dataclass_fields__},
            source=source,
            source_state=state,
            message=message,
            notice=notice,
            model=self._inference.model_name,
            threads=self._inference.num_threads,
            loading=self._inference.loading,
            paused=paused,
            recording=None if recorder is None else recorder.path,
            recorded_frames=recorder.frames if recorder else 0,
            recorded_s=recorder.recorded_s if recorder else 0.0,
            disk_free_bytes=recorder.free_bytes if recorder else None,
            position=self._capture.position,
            controls=controls,
            warnings=warnings,
        )

    def snapshot(self) -> LiveStatus:
        """Deprecated name of `status`."""
        warn_renamed("LivePipeline.snapshot", "LivePipeline.status")
        return self.status()

    def switch_source(
        self,
        source: str | Path,
        *,
        realtime: bool = True,
        loop: bool = False,
        picture_s: float | None = None,
        camera: CameraSettings = AS_IT_IS,
    ) -> None:
        """Switches to another source; the last result stays until the new source has a frame."""
        self._capture.switch(SourceRequest(source, realtime, loop, picture_s, camera))
        self._stats.reset()

    def switch_model(self, model: Path) -> None:
        """Switches to another model. If that fails, the current model stays in use and
        `status().notice` gives the reason."""
        self._clear_errors()
        self._inference.switch(model)

    def set_threads(self, threads: int | None) -> None:
        """Loads the model again on another number of threads; None leaves it to the runtime."""
        self._clear_errors()
        self._inference.set_threads(threads)

    def set_every(self, every: int) -> None:
        """Runs the network on every n-th frame, 1 or more."""
        self._inference.every = every

    def set_smoothing(self, smoothing: float) -> None:
        """Sets the smoothing over time, 0 (off) to 1 (strongest)."""
        self._inference.smoothing = smoothing

    def set_names(self, names: bool) -> None:
        """Sets whether results have the regions that bear names."""
        self._inference.names = names
        if names:
            self._capture.repeat()

    def set_realtime(self, realtime: bool) -> None:
        """Plays a file at its own frame rate, else as fast as possible."""
        self._capture.set_playback(realtime=realtime)

    def set_loop(self, loop: bool) -> None:
        """Sets whether a file restarts at its end; one that has ended does so at once."""
        self._capture.set_playback(loop=loop)

    def set_picture_s(self, picture_s: float | None) -> None:
        """Sets for how long each picture of a folder is shown."""
        self._capture.set_playback(picture_s=picture_s)

    def seek(self, time_s: float) -> None:
        """Continues a file with the first frame from `time_s` on, or the last one if there is none.

        A paused file shows that frame, a file that has ended is opened again. Does nothing while
        `status().position` is None.
        """
        self._capture.seek(Seek(max(time_s, 0.0)))

    def step(self, *, forward: bool = True) -> None:
        """Shows the next or the previous frame of a file, and pauses a video. See `seek`."""
        self._capture.step(forward)

    def set_min_confidence(self, min_confidence: float) -> None:
        """Sets the confidence, 0 to 1, below which a pixel has no class."""
        self._inference.min_confidence = min_confidence
        self._capture.repeat()

    def pause(self) -> None:
        """Keeps the newest result: a file waits, frames of a camera are dropped.

        Another model then runs on the frame that is shown.
        """
        self._capture.pause(True)
        self._stats.reset_rates()
        if self._inference.every > 1:  # the network may have skipped this frame
            self._capture.repeat()

    def resume(self) -> None:
        """Continues after `pause`."""
        self._capture.pause(False)
        self._stats.reset_rates()

    def start_recording(
        self,
        path: Path,
        draw: DrawResult = draw_overlay,
        *,
        overwrite: bool = False,
        codec: str | None = None,
        series: Series | None = None,
    ) -> None:
        """Records every new result as a video, or its classes in a table.

        Before the disk is full, the recording ends whole, with a notice.

        Args:
            path: its suffix is the format: .mp4, .mkv, .mov, .m4v, .webm; .csv or .jsonl for a
                table with rows for each result.
            draw: draws a result for a video; called in the recorder's thread.
            overwrite: replace a file that exists.
            codec: see `Recorder`.
            series: see `Recorder`.

        Raises:
            SinkError: `path` cannot be written, or a recording is running. An error that occurs
                later ends the recording and is shown by `status().notice`.
        """
        with self._changed:
            if self._recorder is not None:
                raise SinkError(f"{path}: {self._recorder.path} is being recorded; stop that first")
            if self._stopping:
                raise SinkError(f"{path}: the run has ended; start it again to record")
            # Clears an earlier notice, unless there is still no model.
            self._notice = str(self._model_error or "")
            self._recorder = Recorder(
                path, draw, overwrite, self._stats, self._on_recording_end, codec, series
            )
        self._capture.repeat()  # a picture that stays is recorded too

    def stop_recording(self) -> None:
        """Finishes the file; `status().recording` is None once that is done."""
        with self._changed:
            recorder = self._recorder
        if recorder is not None:
            recorder.finish()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    # Called by the threads.

    def _publish(self, frame: Frame, prediction: Prediction | None, current: bool) -> None:
        with self._changed:
            self._sequence += 1
            result = LiveResult(frame, self._sequence, monotonic(), prediction, current)
            self._newest = result
            recorder = self._recorder
        if recorder is not None:
            recorder.put(result)
        if (on_result := self._on_result) is not None:
            on_result()
        if not self._displayed:
            self._stats.published(result.published_at_s, result.captured_at_s)
        self._stats.add_in_flight(-1)

    def _on_source_end(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _on_model_error(self, error: SeaformerEdgeError) -> None:
        with self._changed:
            self._notice = str(error)
            if self._inference.model_name is None:
                self._model_error = error
            self._changed.notify_all()

    def _clear_errors(self) -> None:
        with self._changed:
            self._notice = ""
            self._model_error = None

    def _on_recording_end(self, recorder: Recorder, error_message: str) -> None:
        with self._changed:
            self._recorder = None
            if error_message:
                self._notice = error_message
