"""Sizes in the headers of pictures, and pictures and videos that are too large."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import noise, write_video

from seaformer_edge.errors import SourceError
from seaformer_edge.sources import open_source, picture_size, video
from seaformer_edge.sources.picture_size import size_in_header

SIZE = (70, 34)


@pytest.mark.parametrize(
    "suffix",
    [".png", ".jpg", ".bmp", ".webp", ".tif", ".jp2", ".ppm", ".avif", ".gif"],
)
def test_the_size_in_a_header(suffix: str) -> None:
    try:
        _, data = cv2.imencode(suffix, noise(0, SIZE))
    except cv2.error:
        pytest.skip(f"this OpenCV does not write {suffix}")
    assert size_in_header(data.tobytes()) == SIZE


@pytest.mark.parametrize("quality", [80, 101])  # above 100, WebP is lossless
def test_the_size_of_a_webp(quality: int) -> None:
    _, data = cv2.imencode(".webp", noise(0, SIZE), [cv2.IMWRITE_WEBP_QUALITY, quality])
    assert size_in_header(data.tobytes()) == SIZE


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".jp2", ".bmp"])
def test_a_cut_header_is_no_error(suffix: str) -> None:
    _, data = cv2.imencode(suffix, noise(0, SIZE))
    for length in range(0, 120):
        assert size_in_header(data.tobytes()[:length]) in {(0, 0), SIZE}


def test_a_png_of_400_megapixels_is_refused_undecoded(tmp_path: Path) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    path = tmp_path / "large.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b""))
    with pytest.raises(SourceError, match="20000x20000 pixels, more than 64 million"):
        open_source(path)


def test_a_video_of_too_many_pixels_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "clip.mp4", [noise(0, (128, 64))])
    monkeypatch.setattr(picture_size, "MAX_PIXELS", 128 * 63)
    with pytest.raises(SourceError, match="128x64 pixels, more than"):
        open_source(path)


def test_a_video_that_grows_beyond_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clip.mjpeg"
    with path.open("wb") as file:
        for size in [(64, 48)] * 3 + [(640, 480)]:
            file.write(cv2.imencode(".jpg", np.zeros((size[1], size[0], 3), np.uint8))[1].tobytes())
    monkeypatch.setattr(video, "BOUNDED", {"max_pixels": "4096"})
    assert {frame.image.shape for frame in open_source(path)} == {(48, 64, 3)}
    assert av.open(str(path)).streams.video[0].codec_context.width == 64
    monkeypatch.undo()
    assert len(list(open_source(path))) == 4


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    with pytest.raises(SourceError, match="is empty"):
        open_source(tmp_path / "clip.mp4")
