"""Copies the audio of the input into the output, packet by packet."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.container
from av.audio.stream import AudioStream
from av.bitstream import BitStreamFilterContext
from av.stream import Stream

from seaformer_edge.sources.video import fraction, open_media, start_time

log = logging.getLogger(__name__)


class AudioCopy:
    """Copies the audio streams of `path` that `output` can hold, without decoding them.

    Args:
        path: the file the audio comes from.
        output: an open container; nothing may have been written to it yet.
        origin_s: the time of the input, in seconds, at which the output begins.
    """

    def __init__(self, path: Path, output: av.container.OutputContainer, origin_s: float) -> None:
        self._input = open_media(path)
        self._output = output
        self._origin = start_time(self._input) + Fraction(origin_s)
        self._trimmed = origin_s > 0
        self._streams: dict[int, AudioStream] = {}
        self._filters: dict[int, BitStreamFilterContext] = {}
        for stream in self._input.streams.audio:
            if stream.codec_context is None:  # for example Apple's APAC
                log.warning("%s: an audio track of unknown codec is left out", path)
                continue
            codec = stream.codec_context.name
            if codec in output.supported_codecs and _accepts(output.format.name, stream):
                self._streams[stream.index] = output.add_stream_from_template(stream)
                if codec == "aac" and not stream.codec_context.extradata:
                    # MPEG-TS has AAC with ADTS headers, which MP4, MOV and Matroska do not take.
                    self._filters[stream.index] = BitStreamFilterContext("aac_adtstoasc", stream)
            else:
                log.warning(
                    "%s cannot hold %s audio; it is left out", output.format.long_name, codec
                )
        self._packets = self._read()
        self._next = next(self._packets, None)

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
        last: dict[int, int] = {}
        packets = self._input.demux([self._input.streams[index] for index in self._streams])
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.FFmpegError):
                return
            if packet.pts is None or packet.dts is None:
                continue
            index = packet.stream_index
            time_base = fraction(packet.time_base)
            shift = round(self._origin / time_base)
            packet.pts -= shift
            packet.dts -= shift
            # In a damaged file, time may step back; no container accepts that.
            if packet.dts <= last.get(index, packet.dts - 1) or (self._trimmed and packet.pts < 0):
                continue
            last[index] = packet.dts
            start_s = packet.pts * time_base
            filtered = [packet]
            if index in self._filters:
                filtered = self._filters[index].filter(packet)
            for packet in filtered:
                packet.stream = self._streams[index]
                yield start_s, packet


def _accepts(container_format: str, stream: AudioStream) -> bool:
    """Whether the muxer writes a header with this stream; some refuse codecs that they list."""
    try:
        with av.open(io.BytesIO(), "w", format=container_format) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True
