"""A run in a child process: its result, its errors, its end."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import nothing_left
from profiles import tiny_model

from seaformer_edge.errors import ModelError
from seaformer_edge.profiling.measure import Progress, Request
from seaformer_edge.profiling.process import measure_in_child
from seaformer_edge.profiling.record import QUICK

SHORT = replace(QUICK, first_s=0.1)


def test_a_run(tmp_path: Path) -> None:
    pytest.importorskip("seaformer_edge._native", reason="the native extension is not built")
    progress: list[Progress] = []
    model = tiny_model(tmp_path)
    for file in (model, model.with_suffix(".json")):
        file.rename(file.with_stem("tiny-int8"))
    request = Request(model.with_stem("tiny-int8"), 2, (64, 48), SHORT)
    with nothing_left():
        run = measure_in_child(request, progress.append)
    assert (run.model.name, run.threads, run.frame_size) == ("tiny-int8", 2, (64, 48))
    assert run.network.frames >= 128
    assert 0 < run.network.p50_ms <= run.network.p90_ms <= run.network.p99_ms
    assert run.network.p50_ms < run.end_to_end.p50_ms
    assert 20 < run.memory.before_mb < run.memory.peak_mb
    assert run.timeline
    assert progress[-1].done == 1


def test_a_classifier(tmp_path: Path) -> None:
    pytest.importorskip("seaformer_edge._native", reason="the native extension is not built")
    request = Request(tiny_model(tmp_path, "classifier"), 1, (64, 48), SHORT)
    assert "labels" not in measure_in_child(request, lambda progress: None).stages


def test_an_error_is_raised_in_the_parent(tmp_path: Path) -> None:
    missing = Request(tmp_path / "missing.pte", 1, (64, 48), SHORT)
    with nothing_left(), pytest.raises(ModelError, match=r"missing\.pte: no such model file"):
        measure_in_child(missing, lambda progress: None)


def test_a_child_that_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crash = tmp_path / "crash"
    crash.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crash.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(crash))
    request = Request(Path("some.pte"), 1, (64, 48), SHORT)
    with (
        nothing_left(),
        pytest.raises(ModelError, match=r"some\.pte: the child process .* died \(-11\)"),
    ):
        measure_in_child(request, lambda progress: None)


def test_an_interruption_ends_the_child(tmp_path: Path) -> None:
    pytest.importorskip("seaformer_edge._native", reason="the native extension is not built")

    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    endless = replace(SHORT, frames=10**9, seconds=1e9)
    request = Request(tiny_model(tmp_path), 1, (64, 48), endless)
    with nothing_left(), pytest.raises(KeyboardInterrupt):
        measure_in_child(request, interrupt)


def test_a_parent_that_goes_before_it_asked() -> None:
    command = [sys.executable, "-m", "seaformer_edge.profiling.process"]
    child = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    assert child.stdout == child.stderr == b""
