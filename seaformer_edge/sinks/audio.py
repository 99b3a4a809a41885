"""Copies the audio of the input into the output, packet by packet."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import av.container
from av.audio.stream import AudioStream
from av.bitstream import BitStreamFilterContext
from av.format import Flags
from av.stream import Stream

from seaformer_edge.errors import SourceError
from seaformer_edge.sources.clock import audio_times
from seaformer_edge.sources.video import (
    FALLBACK_RATE,
    fraction,
    open_media,
    seek_before,
    video_stream,
)

KEPT_OF_STREAM = ("language", "title")
log = logging.getLogger(__name__)


class AudioCopy:
    """Copies the audio streams of `path` that `output` can hold, without decoding them.

    Language and title of a stream are kept. After a clock that began again, audio keeps its place
    beside the pictures.

    Args:
        path: the file the audio comes from.
        output: an open container with all its other streams; its header is written here.
        origin_s: the time of the input, in seconds, at which the output begins.
    """

    def __init__(self, path: Path, output: av.container.OutputContainer, origin_s: float) -> None:
        self._output = output
        self._origin = Fraction(origin_s)
        self._streams: dict[int, AudioStream] = {}
        self._filters: dict[int, BitStreamFilterContext] = {}
        with ExitStack() as stack:
            self._input = stack.enter_context(open_media(path))
            for stream in self._input.streams.audio:
                self._add(stream, path)
            if self._streams:
                output.start_encoding()  # decides the time bases
            seek_before(self._input, origin_s)
            self._packets = self._read()
            self._next = next(self._packets, None)
            stack.pop_all()

    def _add(self, stream: AudioStream, path: Path) -> None:
        if stream.codec_context is None:  # for example Apple's APAC
            log.warning("%s: an audio track of unknown codec is left out", path)
            return
        codec, container = stream.codec_context.name, self._output.format
        if codec not in self._output.supported_codecs or not _accepts(container.name, stream):
            log.warning("%s cannot hold %s audio; it is left out", container.long_name, codec)
            return
        copy = self._streams[stream.index] = self._output.add_stream_from_template(stream)
        copy.metadata.update(
            {key: stream.metadata[key] for key in KEPT_OF_STREAM if key in stream.metadata}
        )
        if codec == "aac" and not stream.codec_context.extradata:
            # MPEG-TS has AAC with ADTS headers, which MP4, MOV and Matroska do not take.
            self._filters[stream.index] = BitStreamFilterContext("aac_adtstoasc", stream)

    def copy_until(self, time_s: float) -> None:
        """Copies the packets that begin before `time_s` of the output, in seconds."""
        while self._next is not None and self._next[0] < time_s:
            self._output.mux(self._next[1])
            self._next = next(self._packets, None)

    def close(self) -> None:
        """Closes the input."""
        self._input.close()

    def _read(self) -> Iterator[tuple[Fraction, av.Packet[Stream]]]:
        """Yields (start time in the output in seconds, packet) up to the first read error."""
        if not self._streams:
            return
        # Containers with this flag take packets of equal decoding times.
        step = 0 if self._output.format.flags & cast(int, Flags.ts_nonstrict.value) else 1
        last: dict[int, int] = {}
        video, interval = _video(self._input)
        for packet, decoded in audio_times(self._input, list(self._streams), video, interval):
            index, base = packet.stream_index, fraction(packet.time_base)
            late = 0 if packet.pts is None or packet.dts is None else packet.pts - packet.dts
            start = decoded + late * base - self._origin
            if self._origin and start < 0:
                continue
            copy = self._streams[index]
            assert copy.time_base is not None
            tick = fraction(copy.time_base)
            ticks = base / tick
            dts = round((decoded - self._origin) / tick)
            # Packets may be shorter than a tick of the input.
            dts = last[index] = max(dts, last[index] + step) if index in last else dts
            for filtered in self._filtered(packet):
                filtered.stream = copy
                filtered.duration = round((packet.duration or 0) * ticks)
                filtered.time_base = tick
                filtered.dts, filtered.pts = dts, dts + round(late * ticks)
                yield start, filtered

    def _filtered(self, packet: av.Packet[Stream]) -> list[av.Packet[Stream]]:
        if packet.stream_index not in self._filters:
            return [packet]
        try:
            return list(self._filters[packet.stream_index].filter(packet))
        except av.FFmpegError:  # a damaged packet
            return []


def _video(container: av.container.InputContainer) -> tuple[int | None, Fraction]:
    """The index of the video stream, if any, and seconds from one frame to the next."""
    try:
        stream = video_stream(container, container.name)
    except SourceError:
        return None, Fraction(0)
    rate = fraction(stream.average_rate) if stream.average_rate else FALLBACK_RATE
    return stream.index, 1 / rate


def _accepts(container_format: str, stream: AudioStream) -> bool:
    """Whether the muxer writes a header with this stream; some refuse codecs that they list."""
    try:
        with av.open(io.BytesIO(), "w", format=container_format) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True
