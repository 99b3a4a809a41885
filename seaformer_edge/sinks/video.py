"""Results as a video of drawn frames."""

from __future__ import annotations

from pathlib import Path

import av

from seaformer_edge.errors import SinkError
from seaformer_edge.frame import Frame, Result
from seaformer_edge.sinks.base import Draw, ResultSink, check_file, writing
from seaformer_edge.sinks.encoder import FORMATS, VideoEncoder
from seaformer_edge.sources.base import FrameSource


class OverlayVideo(ResultSink[Result]):
    """A video of drawn frames with the source's timestamps, pixel aspect and audio.

    The container and codec follow from the suffix. A range of a source begins at zero. Odd sizes
    grow by one row or column; frames of another size than the first are fitted into it. The file
    plays up to about its last second even if the program is killed.
    """

    def __init__(
        self, path: Path, draw: Draw[Result], source: FrameSource, *, overwrite: bool = False
    ) -> None:
        if path.suffix.lower() not in FORMATS:
            raise SinkError(f"{path}: a video ends in {', '.join(FORMATS)}")
        check_file(path, inputs=source.files, overwrite=overwrite)
        self.path = path
        self._draw: Draw[Result] = draw
        self._source = source
        self._encoder: VideoEncoder | None = None

    def write(self, frame: Frame, result: Result) -> None:
        picture = self._draw(frame, result)
        with writing(self.path, av.FFmpegError):
            if self._encoder is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._encoder = VideoEncoder(
                    self.path,
                    size=(picture.shape[1], picture.shape[0]),
                    frame_rate=self._source.frame_rate,
                    pixel_aspect=self._source.pixel_aspect,
                    audio_file=self._source.audio_file,
                    # A whole file keeps its start, to which the audio relates.
                    origin_s=frame.timestamp_s if frame.index > 0 else 0.0,
                )
            self._encoder.write(picture, frame.timestamp_s)

    def close(self) -> None:
        if self._encoder is not None:
            encoder, self._encoder = self._encoder, None
            with writing(self.path, av.FFmpegError):
                encoder.close(remaining_audio=self._source.exhausted)
