"""The contract of a sink, tested on every sink."""

from __future__ import annotations

import dataclasses
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import MemorySource, fake_segment, noise, read_times, write_video

from seaformer_edge.errors import SinkError
from seaformer_edge.sinks import ClassShares, LabelMapFolder, Rendered, Sink, base, open_sink
from seaformer_edge.sinks.base import LowDiskError
from seaformer_edge.sinks.formats import FORMATS
from seaformer_edge.sources import FrameSource, PictureSource

SIZE = (160, 120)


def _rendered(path: Path, source: FrameSource, overwrite: bool) -> Sink:
    return Rendered(
        lambda frame, segmentation: frame.image, open_sink(path, source, overwrite=overwrite)
    )


def _label_maps(path: Path, source: FrameSource, overwrite: bool) -> Sink:
    return LabelMapFolder(path, source, PALETTE, overwrite=overwrite)


def _table(path: Path, source: FrameSource, overwrite: bool) -> Sink:
    return ClassShares(path, source, overwrite=overwrite)


PALETTE = np.array([[0, 0, 255], [255, 0, 0]], np.uint8)
Make = Callable[[Path, FrameSource, bool], Sink]
SINKS: dict[str, Make] = {
    **{f"out{suffix}": _rendered for suffix in FORMATS},
    "out.png": _rendered,
    "out.jpg": _rendered,
    "rendered": _rendered,
    "masks": _label_maps,
    "out.csv": _table,
    "out.jsonl": _table,
}


@pytest.fixture(params=SINKS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def source() -> FrameSource:
    return MemorySource([noise(0, SIZE)])


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """Limits the size of every file, those of pytest included, to `limit` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _write_all(sink: Sink, source: FrameSource) -> None:
    for frame in source:
        sink.write(frame, fake_segment(frame.image))


def _write_and_fail(sink: Sink, source: FrameSource) -> None:
    with sink:
        _write_all(sink, source)
        raise RuntimeError


def test_writes(tmp_path: Path, name: str, source: FrameSource) -> None:
    path = tmp_path / "new" / "folders" / name
    with SINKS[name](path, source, False) as sink:
        assert sink.path == path
        _write_all(sink, source)
    sink.close()
    written = list(path.iterdir()) if path.is_dir() else [path]
    assert [file.stat().st_size > 0 for file in written] == [True]
    assert [file for file in tmp_path.rglob("*") if file.name.startswith(".")] == []


# One picture is written whole or not at all.
@pytest.mark.parametrize("name", [name for name in SINKS if name not in ("out.png", "out.jpg")])
def test_a_file_ends_whole_before_the_disk_is_full(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter([10**9] * 3)
    monkeypatch.setattr(
        base.shutil, "disk_usage", lambda _: base.shutil._ntuple_diskusage(10**10, 0, next(free, 9))
    )
    path, source = tmp_path / name, MemorySource([noise(i, SIZE) for i in range(5)])
    with (
        pytest.raises(LowDiskError, match="ends here, whole"),
        SINKS[name](path, source, False) as s,
    ):
        _write_all(s, source)
    if path.is_dir():
        assert len(list(path.iterdir())) == 3
    elif path.suffix in FORMATS:
        assert len(read_times(path)) == 3
    else:
        assert path.stat().st_size > 0
    assert [file for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_creates_nothing_before_the_first_frame(
    tmp_path: Path, name: str, source: FrameSource
) -> None:
    with SINKS[name](tmp_path / "new" / name, source, False):
        pass
    assert list(tmp_path.iterdir()) == []


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _exists(path: Path) -> Path:
    """Creates a file at an output path; returns the file that must not change."""
    if path.suffix:
        path.write_text("precious")
        return path
    (_folder(path) / "000000.png").write_text("precious")
    return path / "000000.png"


def test_an_existing_output_is_kept(tmp_path: Path, name: str, source: FrameSource) -> None:
    precious = _exists(tmp_path / name)
    with pytest.raises(SinkError, match="--overwrite"):
        SINKS[name](tmp_path / name, source, False)
    assert precious.read_text() == "precious"


def test_overwrite_replaces_at_the_first_write(
    tmp_path: Path, name: str, source: FrameSource
) -> None:
    precious = _exists(tmp_path / name)
    with SINKS[name](tmp_path / name, source, True) as sink:
        assert precious.read_text() == "precious"
        _write_all(sink, source)
    assert precious.read_bytes() != b"precious"


def test_refuses_the_input(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    source = MemorySource([noise(0, SIZE)])
    source.files = (_exists(path),)
    with pytest.raises(SinkError, match="input"):
        SINKS[name](_folder(tmp_path / "way") / ".." / name, source, True)


def test_refuses_a_folder_for_a_table(tmp_path: Path, source: FrameSource) -> None:
    with pytest.raises(SinkError, match="is a folder; give the name of a file"):
        _table(_folder(tmp_path / "out.csv"), source, True)


@pytest.mark.parametrize("make", [_rendered, _label_maps])
def test_refuses_a_file_for_a_folder(tmp_path: Path, make: Make, source: FrameSource) -> None:
    (tmp_path / "out").write_text("precious")
    with pytest.raises(SinkError, match="is a file; give the name of a folder"):
        make(tmp_path / "out", source, True)


def test_unwritable_folder(tmp_path: Path, name: str, source: FrameSource) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match=r"cannot write into .*file \(Not a directory\)"):
        SINKS[name](tmp_path / "file" / name, source, False)


def test_full_disk(tmp_path: Path, name: str) -> None:
    is_table = name.endswith((".csv", ".jsonl"))
    source = MemorySource([noise(0, SIZE)] * (500 if is_table else 1))
    limit = 100 if name == "masks" else 4_000
    sink = SINKS[name](tmp_path / name, source, False)
    refusal = rf"{name}.*: cannot be written \(File too large\)"
    with full_disk(limit), pytest.raises(SinkError, match=refusal), sink:
        _write_all(sink, source)
    assert list(tmp_path.glob("**/.*")) == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_full_disk_keeps_what_it_would_replace(tmp_path: Path, name: str) -> None:
    source = MemorySource([noise(0, SIZE)] * (500 if name.startswith("out.c") else 1))
    precious = _exists(tmp_path / name)
    sink = SINKS[name](tmp_path / name, source, True)
    with full_disk(100), pytest.raises(SinkError), sink:
        _write_all(sink, source)
    assert precious.read_text() == "precious"


def test_a_failed_run_leaves_no_unfinished_file(
    tmp_path: Path, name: str, source: FrameSource
) -> None:
    precious = _exists(tmp_path / name)
    is_whole_at_once = "." not in name or name.endswith((".png", ".jpg"))
    sink = SINKS[name](tmp_path / name, source, True)
    with pytest.raises(RuntimeError):
        _write_and_fail(sink, source)
    assert is_whole_at_once or precious.read_text() == "precious"
    sink.close()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [precious]


def test_a_failed_run_keeps_a_live_recording(tmp_path: Path) -> None:
    source = MemorySource([noise(0, SIZE)] * 3)
    source.is_live = True
    with pytest.raises(RuntimeError):
        _write_and_fail(_rendered(tmp_path / "out.mp4", source, False), source)
    assert len(read_times(tmp_path / "out.mp4")) == 3


def test_overwrite_keeps_a_link_and_replaces_its_file(tmp_path: Path, name: str) -> None:
    source = MemorySource([noise(0, SIZE)])
    link = _exists(tmp_path / name)
    target = tmp_path / "elsewhere" / "target"
    target.parent.mkdir()
    link.rename(target)
    link.symlink_to(target)
    with SINKS[name](tmp_path / name, source, True) as sink:
        _write_all(sink, source)
    assert link.is_symlink()
    assert target.read_bytes() != b"precious"
    assert list(target.parent.iterdir()) == [target]


def test_picture_file_takes_one_frame(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"more than one frame; name a folder or a video"):
        _rendered(tmp_path / "out.png", MemorySource([noise(0)] * 2), False)


def test_unknown_suffix(tmp_path: Path, source: FrameSource) -> None:
    with pytest.raises(SinkError, match=r"unknown format \.doc; known are \.mp4"):
        _rendered(tmp_path / "out.doc", source, False)
    with pytest.raises(SinkError, match=r"\.csv or \.jsonl"):
        _table(tmp_path / "out.txt", source, False)


def test_folder_of_the_input_is_refused(tmp_path: Path) -> None:
    clip = write_video(_folder(tmp_path / "pictures") / "v.mp4", [noise(0)])
    source = MemorySource([noise(0)])
    source.files = (clip,)
    for make in (_rendered, _label_maps):
        with pytest.raises(SinkError, match="is the folder of the input"):
            make(tmp_path / "pictures", source, True)


def test_pictures_are_named_after_the_input(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for stem in ("left", "right"):
        cv2.imwrite(str(tmp_path / "in" / f"{stem}.jpg"), noise(1))
    source = PictureSource(sorted((tmp_path / "in").iterdir()), "in")
    with _label_maps(tmp_path / "masks", source, False) as sink:
        _write_all(sink, source)
    assert sorted(p.name for p in (tmp_path / "masks").iterdir()) == ["left.png", "right.png"]


@pytest.mark.parametrize("stem", ["x" * 251, "x" * 255, "長" * 85, "\udce9" * 251])
def test_pictures_of_long_names_have_results(
    tmp_path: Path, source: FrameSource, stem: str
) -> None:
    (frame,) = source
    names = [stem, f"{stem[:-1]}y"]
    with _label_maps(tmp_path / "masks", source, False) as sink:
        for name in names:
            sink.write(dataclasses.replace(frame, name=name), fake_segment(frame.image))
    written = {path.name for path in (tmp_path / "masks").iterdir()}
    assert len(written) == 2
    if len(os.fsencode(stem)) == 251:
        assert written == {f"{name}.png" for name in names}


@pytest.mark.parametrize(
    ("suffix", "width"),
    [(".webp", 16_383), (".jpg", 65_500), (".png", 1_000_000), (".tif", 2**20), (".mp4", 16_384)],
)
def test_sizes_beyond_the_format_are_refused_at_the_start(
    tmp_path: Path, suffix: str, width: int
) -> None:
    path = tmp_path / f"out{suffix}"
    narrow, wide = (MemorySource([np.zeros((2, w, 3), np.uint8)]) for w in (width, width + 1))
    with open_sink(path, narrow) as sink:
        for frame in narrow:
            sink.write(frame, frame.image)
    assert path.stat().st_size
    refusal = rf"{width + 1}x2 pixels are too large for {suffix}, which has at most {width} a side"
    with pytest.raises(SinkError, match=refusal):
        open_sink(path, wide, overwrite=True)
    with pytest.raises(SinkError, match=refusal):
        open_sink(path, narrow, size=(width + 1, 2), overwrite=True)
    with open_sink(path, narrow, overwrite=True) as sink, pytest.raises(SinkError, match=refusal):
        sink.write(next(iter(wide)), next(iter(wide)).image)


def test_pictures_too_large_for_a_folder_are_refused(tmp_path: Path) -> None:
    wide = MemorySource([np.zeros((1, 1_000_001, 3), np.uint8)])
    for make in (_rendered, _label_maps):
        with pytest.raises(SinkError, match=r"at most 1000000 a side"):
            make(tmp_path / "out", wide, False)


def test_frames_of_more_pixels_than_ffmpeg_takes_are_refused(
    tmp_path: Path, source: FrameSource
) -> None:
    with pytest.raises(SinkError, match="too large for FFmpeg"):
        open_sink(tmp_path / "out.mp4", source, size=(16_384, 16_384))


def test_open_sink_still_takes_a_drawing_function(tmp_path: Path, source: FrameSource) -> None:
    with pytest.warns(DeprecationWarning, match="Rendered"):
        sink = open_sink(tmp_path / "out.png", lambda frame, _: 255 - frame.image, source)
    with sink:
        _write_all(sink, source)
    written = cv2.imread(str(tmp_path / "out.png"))
    assert (written == 255 - noise(0, SIZE)[..., ::-1]).all()
    with pytest.warns(DeprecationWarning, match="open_sink"):
        open_sink(tmp_path / "other.png", draw=lambda frame, _: frame.image, source=source)


def test_a_sink_of_pictures_takes_them_as_they_are(tmp_path: Path, source: FrameSource) -> None:
    with open_sink(tmp_path / "out.png", source=source) as sink:
        for frame in source:
            sink.write(frame, frame.image)
    assert (cv2.imread(str(tmp_path / "out.png")) == noise(0, SIZE)[..., ::-1]).all()


def test_no_input_is_replaced_below_the_output_folder(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "1.png"), noise(0, SIZE))
    files = sorted(tmp_path.glob("*/1.png"))
    before = [file.read_bytes() for file in files]
    source = PictureSource(files, "pictures")
    frame = next(iter(source))
    sink = open_sink(tmp_path, source, overwrite=True)
    with pytest.raises(SinkError, match="is an input"):
        sink.write(frame, frame.image)
    assert [file.read_bytes() for file in files] == before


@pytest.mark.parametrize("suffix", [".mp4", ".png", ".csv"])
def test_pipe_as_output_is_refused(tmp_path: Path, source: FrameSource, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    os.mkfifo(path)
    make = _table if suffix == ".csv" else _rendered
    with pytest.raises(SinkError, match="pipe or device"):
        make(path, source, True)
