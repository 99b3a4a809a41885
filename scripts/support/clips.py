"""Small videos and pictures for the tests. Their frames contain their own number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.frame import (
    NO_CLASS,
    Classification,
    ClassScore,
    ClassShare,
    Frame,
    Segmentation,
)
from seaformer_edge.sources import FrameSource

TICKS = 90_000
AUDIO_RATE = 44_100
STEP = 8


def numbered(index: int, size: tuple[int, int] = (64, 48)) -> NDArray[np.uint8]:
    """A flat grey picture whose number `number` can read, even after lossy coding."""
    return np.full((size[1], size[0], 3), 16 + STEP * (index % 28), np.uint8)


def number(image: NDArray[np.uint8]) -> int:
    """The number of a `numbered` picture."""
    return round((float(np.median(image)) - 16) / STEP)


def noise(index: int, size: tuple[int, int] = (64, 48)) -> NDArray[np.uint8]:
    """A picture of noise, which cannot be compressed."""
    return np.random.default_rng(index).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)


def write_video(
    path: Path,
    pictures: Sequence[NDArray[np.uint8]],
    *,
    rate: int = 25,
    times_s: Sequence[float] | None = None,
    audio: bool = False,
    rotation: int = 0,
    pixel_aspect: Fraction = Fraction(1),
    codec: str = "libx264",
    title: str = "",
    max_b_frames: int | None = None,
    options: dict[str, str] | None = None,
    gop: int = 5,
) -> Path:
    """Writes a video of these pictures, optionally with a tone of the same length."""
    times = times_s or [index / rate for index in range(len(pictures))]
    ticks = TICKS if times_s else rate
    with av.open(str(path), "w", options=options or {}) as container:
        container.metadata["title"] = title
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, ticks)
        stream.codec_context.gop_size = gop
        if max_b_frames is not None:
            stream.codec_context.max_b_frames = max_b_frames
        stream.codec_context.sample_aspect_ratio = pixel_aspect
        if rotation:
            stream.set_display_rotation(rotation)
        tone = container.add_stream("aac", rate=AUDIO_RATE, layout="mono") if audio else None
        for time, picture in zip(times, pictures, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(time * ticks), Fraction(1, ticks)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if tone is not None:
            for start in range(0, round(AUDIO_RATE * len(pictures) / rate), 1024):
                samples = np.sin(np.arange(start, start + 1024) * 0.06)[None].astype(np.float32)
                sound = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
                sound.sample_rate, sound.pts = AUDIO_RATE, start
                container.mux(tone.encode(sound))
            container.mux(tone.encode())
    return path


def write_audio(path: Path) -> Path:
    """Writes an audio file with a second of silence."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=AUDIO_RATE, layout="mono")
        for start in range(0, AUDIO_RATE, 1024):
            silence = np.zeros((1, 1024), np.float32)
            frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = AUDIO_RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def read_times(path: Path) -> list[float]:
    """The timestamps of the frames of a video, in seconds."""
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def audio_packets(path: Path) -> list[bytes]:
    """The coded audio of a file."""
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return []
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


class MemorySource(FrameSource):
    """Frames from a list."""

    def __init__(self, pictures: Sequence[NDArray[np.uint8]], rate: int = 25) -> None:
        self.name = "memory"
        self.frame_rate = Fraction(rate)
        self.frame_size = (pictures[0].shape[1], pictures[0].shape[0])
        self.frame_count = len(pictures)
        self._frames = [Frame(image, i, i / rate) for i, image in enumerate(pictures)]

    def __iter__(self) -> Iterator[Frame]:
        self.exhausted = False
        yield from self._frames
        self.exhausted = True


def fake_segment(image: NDArray[np.uint8], min_confidence: float = 0.0) -> Segmentation:
    """Class 1 with a confidence of 0.9 on the left half, class 0 with 0.8 on the right."""
    label_map = np.zeros(image.shape[:2], np.uint8)
    label_map[:, : image.shape[1] // 2] = 1
    classes = (ClassShare(1, "road", 0.5, 0.9), ClassShare(0, "sky", 0.5, 0.8))
    for entry in classes:
        if entry.confidence < min_confidence:
            label_map[label_map == entry.class_id] = NO_CLASS
    known = tuple(entry for entry in classes if entry.confidence >= min_confidence)
    timings_ms = {"resize": 0.5, "network": 2.0, "labels": 0.5}
    return Segmentation(label_map, known, timings_ms, 1 - sum(entry.share for entry in known))


def fake_classify(image: NDArray[np.uint8]) -> Classification:
    """Always the same two scores."""
    classes = (ClassScore(1, "road", 0.7), ClassScore(0, "sky", 0.3))
    return Classification(classes, {"resize": 0.5, "network": 2.0})
