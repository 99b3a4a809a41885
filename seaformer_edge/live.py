"""Capture to result, live: the newest frame, always, and numbers that tell the truth.

    from seaformer_edge.live import LivePipeline

    with LivePipeline("0", resolve_model(None)) as live:  # a camera
        while ...:                                        # the display's own timer
            result = live.newest()
            if result is not shown:
                ... paint it ...
                live.painted(result)
            snapshot = live.snapshot()

Nothing waits in a queue. Frames that come too fast are overwritten and counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.card import Card
from seaformer_edge.frame import Frame, Segmentation
from seaformer_edge.segmenter import Classification
from seaformer_edge.sinks.base import Draw
from seaformer_edge.stats import LiveSnapshot


@dataclass(frozen=True, slots=True, eq=False)
class LiveResult:
    """A frame and what the network saw in it. Immutable; share it freely between threads.

    Attributes:
        frame: the picture, (H, W, 3) uint8 RGB.
        sequence: 1, 2, 3 ... in the order of publication, across sources and models.
        captured_s: when the frame was captured, on `time.monotonic`'s clock.
        published_s: when this result was ready, on the same clock.
        card: of the model that saw the frame: class names and palette; None without a model.
        segmentation: at the frame's own size; None while a model loads, after it failed, or
            with a classifier.
        classification: of a classifier; None with a segmenter.
        current: whether labels or classes are of this very frame; with inference every n-th
            frame they are the last that were made.
        logits: (h, w, C) float32, what `segmentation` was made from (smoothed, if smoothing is
            on); do not write to it.
    """

    frame: Frame
    sequence: int
    captured_s: float
    published_s: float
    card: Card | None
    segmentation: Segmentation | None
    classification: Classification | None
    current: bool
    logits: NDArray[np.float32] | None

    def confidence_at(self, x: int, y: int) -> float | None:
        """The probability, 0 to 1, of the class that `label_map` has at pixel (x, y).

        None without a segmentation. Raises IndexError outside the frame.
        """
        raise NotImplementedError


class LivePipeline:
    """Owns the threads between a source and the newest result.

    Every method may be called from any thread and, `wait` and `stop` apart, returns at once;
    what it asks for happens soon after and shows in `snapshot()`.

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
        raise NotImplementedError

    def start(self) -> None:
        """Starts the threads."""
        raise NotImplementedError

    def stop(self) -> None:
        """Ends everything within two seconds, from any state: a recording is finished, and no
        thread, process or device is left. Never raises; may be called twice."""
        raise NotImplementedError

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits until a file has ended; True once it has, False when the time is up.

        Raises:
            SeaformerEdgeError: the source or the model failed for good.
        """
        raise NotImplementedError

    def newest(self) -> LiveResult | None:
        """The newest result, the same object until there is a newer one; None before the first."""
        raise NotImplementedError

    def painted(self, result: LiveResult) -> None:
        """Tells that `result` has just been painted; painting it again does not count."""
        raise NotImplementedError

    def snapshot(self) -> LiveSnapshot:
        """The run at this moment; cheap enough for every frame of a display."""
        raise NotImplementedError

    def switch_source(
        self, source: str | Path, *, realtime: bool = True, loop: bool = False
    ) -> None:
        """Takes another source; the last result stays until the new one has a frame."""
        raise NotImplementedError

    def switch_model(self, model: Path) -> None:
        """Takes another model; if it cannot be had, the one before stays and `notice` says why."""
        raise NotImplementedError

    def set_threads(self, threads: int | None) -> None:
        """Loads the model again on another number of threads."""
        raise NotImplementedError

    def set_every(self, every: int) -> None:
        """Lets the network see every n-th frame, 1 or more."""
        raise NotImplementedError

    def set_smoothing(self, smoothing: float) -> None:
        """Sets the smoothing over time, 0 (off) to 1 (strongest)."""
        raise NotImplementedError

    def pause(self) -> None:
        """Holds the picture: a file waits, a camera's frames are let go."""
        raise NotImplementedError

    def resume(self) -> None:
        """Goes on after `pause`."""
        raise NotImplementedError

    def start_recording(
        self, path: Path, draw: Draw | None = None, *, overwrite: bool = False
    ) -> None:
        """Records every new result as a video, through the headless job's own writer.

        Args:
            path: its suffix is the format: .mp4, .mkv, .mov, .m4v, .webm.
            draw: frame and segmentation to picture, called in the recorder's thread; None draws
                the overlay in the model's colours. Frames without a segmentation are recorded
                as they are.
            overwrite: replace a file that exists.

        Raises:
            SinkError: at once, if `path` cannot be written, or a recording is under way; what
                fails later ends the recording and shows in `snapshot().notice`.
        """
        raise NotImplementedError

    def stop_recording(self) -> None:
        """Finishes the file; `snapshot().recording` is None once it is whole."""
        raise NotImplementedError

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
