"""The table of a live run: continued, rotated by size, and whole after a full disk."""

from __future__ import annotations

import csv
import errno
import json
from pathlib import Path

import pytest

from seaformer_edge.errors import SinkError
from seaformer_edge.live import report, status_table
from seaformer_edge.live.status_table import KEPT, StatusTable

RECORD: dict[str, object] = dict.fromkeys(report.COLUMNS) | {
    "stage_ms": {"network": 5.5},
    "dropped": {"overwritten": 3},
    "throttled": ["under-voltage", "throttled"],
    "classes": [{"class": "road", "share": 0.5}, {"class": "sky", "share": 0.2}],
}


def _write(path: Path, count: int, max_bytes: int = 10**6) -> None:
    table = StatusTable(path, max_bytes)
    for number in range(count):
        table.write(RECORD | {"recorded_frames": number})
    table.close()


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_a_row_has_every_figure(tmp_path: Path) -> None:
    _write(tmp_path / "a.csv", 1)
    (row,) = _rows(tmp_path / "a.csv")
    assert tuple(row) == report.COLUMNS
    expected = {"network_ms": "5.5", "dropped_overwritten": "3", "dropped_paused": "0"}
    expected |= {"throttled": "under-voltage; throttled", "class": "road", "share": "0.5"}
    assert row.items() >= expected.items()


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_table_is_continued_also_after_a_cut_line(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    _write(path, 2)
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    _write(path, 1)
    assert path.read_bytes().startswith(whole[:-5] + b"\n")
    lines = path.read_text().splitlines()
    assert len(lines) == 3 + (suffix == ".csv")
    if suffix == ".jsonl":
        assert json.loads(lines[-1])["recorded_frames"] == 0


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_table_rotates_by_size(tmp_path: Path, suffix: str) -> None:
    path, count = tmp_path / f"a{suffix}", 80
    _write(path, count, 1500)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {path.name, *(f"a.{n}{suffix}" for n in range(1, KEPT + 1))}
    assert all(file.stat().st_size <= 1500 for file in tmp_path.iterdir())
    newest_first = [path, *(tmp_path / f"a.{n}{suffix}" for n in range(1, KEPT + 1))]
    numbers = []
    for file in reversed(newest_first):
        rows = _rows(file) if suffix == ".csv" else map(json.loads, file.read_text().splitlines())
        numbers += [int(row["recorded_frames"]) for row in rows]
    assert numbers == list(range(numbers[0], count)), "the newest rows, without a gap"


def test_a_table_with_other_columns_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("precious\n")
    with pytest.raises(SinkError, match="holds other columns"):
        StatusTable(path, 10**6)
    assert path.read_text() == "precious\n"


def test_a_table_goes_on_once_the_disk_has_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = StatusTable(tmp_path / "a.csv", 10**6)

    def fail(file: object, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(status_table, "_write", fail)
        with pytest.raises(SinkError, match="No space left"):
            table.write(RECORD)
    table.write(RECORD)
    table.close()
    assert len(_rows(tmp_path / "a.csv")) == 1
