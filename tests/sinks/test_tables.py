"""The contents of the tables of classes."""

from __future__ import annotations

import csv
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from clips import MemorySource, fake_classify, fake_segment, numbered

from seaformer_edge.sinks import ClassScores, ClassShares


def _write(path: Path) -> None:
    source = MemorySource([numbered(0), numbered(1)])
    with ClassShares(path, source) as sink:
        for frame in source:
            sink.write(frame, fake_segment(frame.image))


def test_csv_has_a_row_for_each_class(tmp_path: Path) -> None:
    _write(tmp_path / "shares.csv")
    with (tmp_path / "shares.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["frame"], row["class"]) for row in rows] == [
        ("0", "road"),
        ("0", "sky"),
        ("1", "road"),
        ("1", "sky"),
    ]
    assert rows[2] == {
        "frame": "1",
        "name": "",
        "timestamp_s": "0.04",
        "class_id": "1",
        "class": "road",
        "share": "0.500000",
        "confidence": "0.9000",
    }


def test_json_lines_have_a_line_for_each_frame(tmp_path: Path) -> None:
    _write(tmp_path / "shares.jsonl")
    lines = (tmp_path / "shares.jsonl").read_text().splitlines()
    assert len(lines) == 2
    assert json.loads(lines[1]) == {
        "frame": 1,
        "name": None,
        "timestamp_s": 0.04,
        "classes": [
            {"class_id": 1, "class": "road", "share": 0.5, "confidence": 0.9},
            {"class_id": 0, "class": "sky", "share": 0.5, "confidence": 0.8},
        ],
        "unknown": 0.0,
    }


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_unknown_pixels_are_counted_apart(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"shares{suffix}"
    source = MemorySource([numbered(0)])
    with ClassShares(path, source) as sink:
        for frame in source:
            sink.write(frame, replace(fake_segment(frame.image), unknown=0.25))
    last = path.read_text().splitlines()[-1]
    if suffix == ".csv":
        assert last == "0,,0.0,255,unknown,0.250000,"
    else:
        assert json.loads(last)["unknown"] == 0.25


def test_names_that_are_not_utf8_can_be_restored(tmp_path: Path) -> None:
    names = [b"caf\xe9", rb"caf\xe9", b"\xc3\xa9\\", "長".encode()]
    source = MemorySource([numbered(0)])
    (frame,) = source
    for table in ("shares.csv", "shares.jsonl"):
        with ClassShares(tmp_path / table, source) as sink:
            for name in names:
                sink.write(replace(frame, name=os.fsdecode(name)), fake_segment(frame.image))
    with (tmp_path / "shares.csv").open(encoding="utf-8", newline="") as file:
        written = [row["name"] for row in csv.DictReader(file)][::2]
    lines = (tmp_path / "shares.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["name"] for line in lines] == written
    assert written[0] == r"caf\xe9"
    for name, text in zip(names, written, strict=True):
        escape = rb"\\(?:x([0-9a-f]{2})|\\)"
        restored = re.sub(
            escape, lambda m: bytes.fromhex(m[1].decode()) if m[1] else b"\\", text.encode()
        )
        assert restored == name


def test_a_classifiers_table_has_probabilities(tmp_path: Path) -> None:
    source = MemorySource([numbered(0)])
    for name in ("scores.csv", "scores.jsonl"):
        with ClassScores(tmp_path / name, source) as sink:
            for frame in source:
                sink.write(frame, fake_classify(frame.image))
    assert (tmp_path / "scores.csv").read_text().splitlines() == [
        "frame,name,timestamp_s,class_id,class,probability",
        "0,,0.0,1,road,0.7000",
        "0,,0.0,0,sky,0.3000",
    ]
    (line,) = (tmp_path / "scores.jsonl").read_text().splitlines()
    assert json.loads(line)["classes"] == [
        {"class_id": 1, "class": "road", "probability": 0.7},
        {"class_id": 0, "class": "sky", "probability": 0.3},
    ]
