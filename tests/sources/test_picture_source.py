"""Formats, depths and orientations of pictures; folders and patterns."""

from __future__ import annotations

import logging
import struct
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import noise, number, numbered, write_video
from numpy.typing import NDArray
from PIL import Image

from seaformer_edge.errors import SourceError
from seaformer_edge.sources import PictureSource, VideoSource, heif, open_source

# A colour that is also in the palette OpenCV gives its GIFs.
RED = np.full((8, 12, 3), (216, 36, 0), np.uint8)


def _write(path: Path, rgb: NDArray[np.uint8]) -> Path:
    assert cv2.imwrite(str(path), rgb[..., ::-1])
    return path


def _only(path: Path) -> NDArray[np.uint8]:
    (frame,) = open_source(path)
    return frame.image


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tif", ".gif", ".JPG"])
def test_formats_are_read_as_rgb(tmp_path: Path, suffix: str) -> None:
    image = _only(_write(tmp_path / f"red{suffix}", RED))
    assert image.shape == RED.shape
    assert np.abs(image.astype(int) - RED).max() <= 8


def test_grey(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((8, 12), 77, np.uint8))
    assert np.array_equal(_only(tmp_path / "grey.png"), np.full((8, 12, 3), 77))


def test_alpha_is_dropped(tmp_path: Path) -> None:
    bgra = np.dstack([RED[..., ::-1], np.full((8, 12), 9, np.uint8)])
    cv2.imwrite(str(tmp_path / "clear.png"), bgra)
    assert np.array_equal(_only(tmp_path / "clear.png"), RED)


def test_sixteen_bits(tmp_path: Path) -> None:
    deep = np.repeat(np.array([0, 128, 255], np.uint16) * 257, 4)[None].repeat(5, 0)
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    assert np.abs(_only(tmp_path / "deep.png")[..., 0].astype(int) - deep // 257).max() <= 1


def test_exif_orientation(tmp_path: Path) -> None:
    picture = np.zeros((16, 32, 3), np.uint8)
    picture[:8] = 255
    path = tmp_path / "turned.jpg"
    cv2.imwrite(str(path), picture)
    # One EXIF entry: orientation (0x0112), SHORT, 6 = turn by 90 degrees clockwise to show.
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    exif = b"Exif\0\0" + tiff
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    source = open_source(path)
    assert source.frame_size == (16, 32)
    assert np.abs(_only(path).astype(int) - np.rot90(picture, -1)).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".avif"])
def test_every_orientation(tmp_path: Path, suffix: str, orientation: int) -> None:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:32] = 200
    picture[:, :48, 0] += 50
    turned = {
        1: picture,
        2: picture[:, ::-1],
        3: picture[::-1, ::-1],
        4: picture[::-1],
        5: picture.transpose(1, 0, 2),
        6: np.rot90(picture, -1),
        7: np.rot90(picture, 2).transpose(1, 0, 2),
        8: np.rot90(picture),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(picture).save(tmp_path / f"a{suffix}", exif=exif)
    image = _only(tmp_path / f"a{suffix}")
    assert image.shape == turned.shape
    assert np.abs(image.astype(int) - turned).mean() < 8


def test_one_picture_in_a_gif_is_a_picture(tmp_path: Path) -> None:
    still = _write(tmp_path / "still.gif", RED)
    moving = tmp_path / "moving.gif"
    cv2.imwritemulti(str(moving), [noise(0), noise(1)])
    assert isinstance(open_source(still), PictureSource)
    assert isinstance(open_source(moving), VideoSource)


def test_folder_sorts_by_number_and_ignores_other_files(tmp_path: Path) -> None:
    for index in (10, 2, 1):
        _write(tmp_path / f"frame{index}.png", numbered(index))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".frame3.png").write_bytes(b"a file manager's")
    (tmp_path / "frame4.png").mkdir()
    frames = list(open_source(tmp_path))
    assert [frame.name for frame in frames] == ["frame1", "frame2", "frame10"]
    assert [number(frame.image) for frame in frames] == [1, 2, 10]


def test_pattern(tmp_path: Path) -> None:
    for name in ("a1.png", "a2.png", "b1.png"):
        _write(tmp_path / name, RED)
    assert [f.name for f in open_source(str(tmp_path / "a*.png"))] == ["a1", "a2"]
    assert [f.name for f in open_source(str(tmp_path / "b*"))] == ["b1"]


def test_pattern_of_one_video(tmp_path: Path) -> None:
    write_video(tmp_path / "street.mp4", [numbered(0)])
    assert isinstance(open_source(str(tmp_path / "*.mp4")), VideoSource)


def test_file_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    assert open_source(_write(tmp_path / "frame[1].png", RED)).frame_count == 1


def test_names_stay_distinct(tmp_path: Path) -> None:
    for name in ("left/1.png", "right/1.png", "right/1.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        _write(tmp_path / name, RED)
    names = [frame.name for frame in open_source(str(tmp_path / "*" / "1.*"))]
    assert names == ["left/1.png", "right/1.jpg", "right/1.png"]


def test_names_are_relative_paths_where_stems_are_equal(tmp_path: Path) -> None:
    for name in ("a/b_c.png", "a_b/c.png", "x/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        _write(tmp_path / name, RED)
    names = [frame.name for frame in open_source(str(tmp_path / "*" / "*.png"))]
    assert names == ["a/b_c", "a_b/c", "x/c"]


def test_damaged_picture_of_a_folder_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "0.png").write_bytes(b"no picture")
    (tmp_path / "1.jpg").write_bytes(b"")
    _write(tmp_path / "2.png", RED)
    source = open_source(tmp_path)
    with caplog.at_level(logging.WARNING):
        frames = list(source)
    assert [(frame.index, frame.name) for frame in frames] == [(2, "2")]
    assert source.lost_frames == 2
    assert [record.getMessage().split("/")[-1] for record in caplog.records] == [
        "0.png: cannot be read; skipped",
        "1.jpg: cannot be read; skipped",
    ]


def test_a_folder_begins_with_the_picture_before_a_time(tmp_path: Path) -> None:
    for i in range(12):
        cv2.imwrite(str(tmp_path / f"{i}.png"), numbered(i))
    (tmp_path / "6.png").write_bytes(b"damaged")
    source = open_source(tmp_path)
    whole = list(source)
    for i in range(1, len(whole)):
        source.begin_near(whole[i].timestamp_s)
        assert next(iter(source)).index == whole[i - 1].index
    source.begin_near(99.0)
    assert [frame.index for frame in source] == [11]


def test_damaged_picture(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(SourceError, match=r"bad\.png: no picture that can be read"):
        open_source(tmp_path / "bad.png")


def test_folder_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(SourceError, match="holds no pictures"):
        open_source(tmp_path)


def test_pattern_without_matches(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="matches no file"):
        open_source(str(tmp_path / "*.png"))


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def _write_heic_of_two_tiles(path: Path) -> None:
    """A picture of 128x64 as two HEVC tiles of 64x64, the left one dark, the right one bright."""
    coded = []
    for level in (40, 200):
        clip = path.with_suffix(f".{level}.mp4")
        pictures = [np.full((64, 64, 3), level, np.uint8)] * 2
        write_video(clip, pictures, codec="libx265", max_b_frames=0)
        with av.open(str(clip)) as container:
            coded.append(next(bytes(packet) for packet in container.demux(video=0)))
    data = clip.read_bytes()
    start = data.index(b"hvcC") - 4
    decoder = data[start : start + int.from_bytes(data[start : start + 4], "big")]
    grid = struct.pack(">BBBBHH", 0, 0, 0, 1, 128, 64)  # one row of two
    items = b"".join(
        _box(b"infe", struct.pack(">IHH", 2 << 24, number, 0), kind, b"\0")
        for number, kind in ((1, b"hvc1"), (2, b"hvc1"), (3, b"grid"))
    )
    sizes = [_box(b"ispe", struct.pack(">III", 0, width, 64)) for width in (64, 128)]
    used = struct.pack(">IIHBBBHBBBHBB", 0, 3, 1, 2, 0x81, 2, 2, 2, 0x81, 2, 3, 1, 3)
    head = _box(b"ftyp", b"heic", bytes(4), b"mif1heic")

    def meta(offset: int) -> bytes:
        extents = [(1, 0, offset, len(coded[0])), (2, 0, offset + len(coded[0]), len(coded[1]))]
        places = b"".join(
            struct.pack(">HHHHII", number, method, 0, 1, begin, length)
            for number, method, begin, length in [*extents, (3, 1, 0, len(grid))]
        )
        return _box(
            b"meta",
            bytes(4),
            _box(b"hdlr", bytes(8), b"pict", bytes(13)),
            _box(b"pitm", struct.pack(">IH", 0, 3)),
            _box(b"iinf", struct.pack(">IH", 0, 3), items),
            _box(b"iref", bytes(4), _box(b"dimg", struct.pack(">HHHH", 3, 2, 1, 2))),
            _box(b"iprp", _box(b"ipco", decoder, *sizes), _box(b"ipma", used)),
            _box(b"idat", grid),
            _box(b"iloc", struct.pack(">IBBH", 1 << 24, 0x44, 0, 3), places),
        )

    offset = len(head) + len(meta(0)) + 8
    path.write_bytes(head + meta(offset) + _box(b"mdat", *coded))


def test_a_heic_of_tiles_is_refused_without_pillow_heif(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heif, "find_spec", lambda _: None)
    _write_heic_of_two_tiles(tmp_path / "phone.HEIC")
    with pytest.raises(SourceError, match=r"need pillow-heif: \S+ -m pip install"):
        open_source(tmp_path / "phone.HEIC")


def test_a_heic_of_tiles_is_read_whole(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif")
    _write_heic_of_two_tiles(tmp_path / "phone.HEIC")
    image = _only(tmp_path / "phone.HEIC")
    assert image.shape == (64, 128, 3)
    assert image[32, [32, 96], 0].tolist() == pytest.approx([40, 200], abs=4)


def test_what_a_folder_leaves_out_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _write(tmp_path / "1.jpg", RED)
    for name in ("2.JFIF", "3.jpe"):
        (tmp_path / name).write_bytes((tmp_path / "1.jpg").read_bytes())
    for name in ("a.txt", "b.TXT", "c.mp4"):
        (tmp_path / name).write_bytes(b"")
    assert open_source(tmp_path).frame_count == 3
    assert caplog.messages == [f"{tmp_path}: left out, as they are no pictures: 2 .txt, 1 .mp4"]


def test_an_animated_png_is_a_video(tmp_path: Path) -> None:
    frames = [Image.fromarray(noise(i)) for i in range(3)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    assert len(list(open_source(tmp_path / "a.png"))) == 3


@pytest.mark.parametrize("suffix", [".webp", ".tif"])
def test_only_the_first_of_several_pages_is_read_with_a_message(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    frames = [Image.fromarray(noise(i)) for i in range(3)]
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:])
    assert len(list(open_source(tmp_path / f"a{suffix}"))) == 1
    assert "only the first of its 3 pictures is read" in caplog.text
