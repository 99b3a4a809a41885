"""The contract of sources, tested with each of them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import noise, number, numbered, write_video

from seaformer_edge.sources import FrameSource, Selection, SourceSpec, open_source, paths

COUNT = 6


def _video(suffix: str, codec: str = "libx264") -> Callable[[Path], FrameSource]:
    def make(folder: Path) -> FrameSource:
        path = folder / f"clip{suffix}"
        return open_source(write_video(path, [numbered(i) for i in range(COUNT)], codec=codec))

    return make


def _pictures(folder: Path) -> None:
    for index in range(COUNT):
        cv2.imwrite(str(folder / f"frame{index}.png"), numbered(index))


def _folder(folder: Path) -> FrameSource:
    _pictures(folder)
    return open_source(folder)


def _pattern(folder: Path) -> FrameSource:
    _pictures(folder)
    return open_source(str(folder / "frame*.png"))


def _picture(folder: Path) -> FrameSource:
    _pictures(folder)
    return open_source(folder / "frame0.png")


def _gif(folder: Path) -> FrameSource:
    path = folder / "moving.gif"
    cv2.imwritemulti(str(path), [noise(i) for i in range(COUNT)])
    return open_source(path)


def _selection(folder: Path) -> FrameSource:
    return Selection(_video(".mp4")(folder), start=1, end=5, step=2)


SOURCES = {
    "mp4": _video(".mp4"),
    "mkv": _video(".mkv"),
    "avi": _video(".avi", "mpeg4"),
    "ts": _video(".ts"),
    "picture": _picture,
    "folder": _folder,
    "pattern": _pattern,
    "gif": _gif,
    "selection": _selection,
}


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> FrameSource:
    return SOURCES[request.param](tmp_path)


def test_frames_match_the_properties_of_the_source(source: FrameSource) -> None:
    frames = list(source)
    assert frames
    for frame in frames:
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous
        assert frame.image.shape == (source.frame_size[1], source.frame_size[0], 3)
    assert source.frame_count in (len(frames), None)
    assert isinstance(source.frame_rate, Fraction)


def test_frames_are_in_order(source: FrameSource) -> None:
    frames = list(source)
    assert all(a.index < b.index for a, b in pairwise(frames))
    assert all(a.timestamp_s < b.timestamp_s for a, b in pairwise(frames))


def test_iterating_again_restarts(source: FrameSource) -> None:
    next(iter(source))
    assert not source.exhausted
    first, second = list(source), list(source)
    assert len(first) == len(second)
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, second, strict=True))


def test_counts_lost_frames(source: FrameSource) -> None:
    list(source)
    assert source.lost_frames == 0


def test_lists_its_files(source: FrameSource) -> None:
    assert source.files
    assert all(path.is_file() for path in source.files)
    assert source.name


def test_closes_twice(source: FrameSource) -> None:
    with source:
        pass
    source.close()


def test_reads_all_frames(source: FrameSource, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["source"]
    frames = list(source)
    if name == "selection":
        assert [frame.index for frame in frames] == [1, 3]
        assert not source.exhausted
    else:
        assert [frame.index for frame in frames] == list(range(1 if name == "picture" else COUNT))
        assert source.exhausted
    if name != "gif":
        assert [number(frame.image) for frame in frames] == [frame.index for frame in frames]


def test_sample_is_the_clip_or_pictures_in_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "sample_dir", lambda: tmp_path)
    _pictures(tmp_path)
    assert len(list(open_source("sample"))) == COUNT
    write_video(tmp_path / "sample.mp4", [numbered(0)])
    assert len(list(open_source("sample"))) == 1


def test_a_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for named in ("sample", "synthetic:64x48"):  # the bundled one is still the one that is meant
        (tmp_path / named).mkdir()
    (tmp_path / "a.png").touch()
    for spec in ("a.png", "*.png", str(tmp_path / "a.png")):
        assert SourceSpec.parse(spec).resolved() == str(tmp_path / Path(spec).name)
    unchanged = ("sample", "synthetic:64x48", "0", "Cam [1]", "rtsp://host/a?b", "b.png")
    for spec in (*unchanged, "x" * 5000, "zero\0byte", "[zero\0byte]"):  # the last are no names
        assert SourceSpec.parse(spec).resolved() == spec
