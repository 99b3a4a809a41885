"""Recordings in several files: their names, lengths, and the removal of the oldest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from clips import noise, numbered, read_times

from seaformer_edge.errors import SinkError
from seaformer_edge.live.series import Series, VideoSeries


def _files(folder: Path) -> list[Path]:
    """The files of the series, oldest first."""
    return sorted(folder.glob("cam-*.mp4"), key=lambda path: path.stat().st_mtime_ns)


def test_a_file_ends_after_its_time(tmp_path: Path) -> None:
    with VideoSeries(tmp_path / "cam.mp4", Series(2.0)) as series:
        for i in range(11):
            series.write(numbered(i), 100 + i * 0.5)
        assert series.path == _files(tmp_path)[-1]
    files = _files(tmp_path)
    assert [len(read_times(path)) for path in files] == [4, 4, 3]
    assert all(read_times(path)[0] == 0 for path in files)
    assert sorted(tmp_path.iterdir()) == sorted(files)


def test_the_oldest_files_are_removed(tmp_path: Path) -> None:
    from_before = tmp_path / "cam-20200101-000000.mp4"
    others = [tmp_path / name for name in ("cam.mp4", "cam-a.mp4", "cam-20200101-000000.mkv")]
    for path in (from_before, *others):
        path.write_bytes(bytes(300_000))
        os.utime(path, (0, 0))
    limit = 200_000
    with VideoSeries(tmp_path / "cam.mp4", Series(1e9, limit)) as series:
        for i in range(80):
            series.write(noise(i, (96, 96)), float(i))
            kept = _files(tmp_path)
            assert i == 0 or sum(p.stat().st_size for p in kept if p not in others) < 1.1 * limit
    assert not from_before.exists()
    assert all(path.exists() for path in others), "they are not of the series"
    kept = [path for path in _files(tmp_path) if path not in others]
    assert len(kept) >= 3, "a file ends at a quarter of the size"
    assert sum(path.stat().st_size for path in kept) > limit / 2


def test_a_series_needs_the_name_of_a_video(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="must end in"):
        VideoSeries(tmp_path / "cam.txt", Series(1.0))
