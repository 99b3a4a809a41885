"""The first run of an unknown program, in a sandbox process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.card import file_sha256
from seaformer_edge.hub.zoo import DEFAULT_MODEL, resolve_model
from seaformer_edge.runtime import sandbox

pytest.importorskip("seaformer_edge._native", reason="the native extension is not built")

PROGRAM = Path(__file__).parents[1] / "data" / "programs" / "nhwc.pte"


@pytest.fixture
def interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Replaces Python in the child process by a shell script."""

    def replace(script: str) -> None:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(path))

    return replace


RECORDER = """
import sys
from seaformer_edge.runtime.sandbox import _record_vetted
sys.stdin.read()
for number in range(20):
    _record_vetted(f"{sys.argv[1]}-{number}")
"""


def test_processes_that_record_at_once_lose_nothing(models_home: Path) -> None:
    recorders = [
        subprocess.Popen([sys.executable, "-c", RECORDER, str(n)], stdin=subprocess.PIPE)
        for n in range(3)
    ]
    for recorder in recorders:
        assert recorder.stdin is not None
        recorder.stdin.close()
    assert [recorder.wait(60) for recorder in recorders] == [0, 0, 0]
    assert len(set(sandbox._vetted())) == 60


def test_a_program_that_runs_is_recorded(interpreter: Callable[[str], None]) -> None:
    sha256 = file_sha256(PROGRAM)
    sandbox.vet_program(PROGRAM, sha256)
    interpreter("kill -SEGV $$")
    sandbox.vet_program(PROGRAM, sha256)  # starts no second child


def test_a_program_that_crashes_is_refused_each_time(interpreter: Callable[[str], None]) -> None:
    interpreter("kill -SEGV $$")
    for _ in range(2):
        with pytest.raises(ModelError, match=r"nhwc.pte: damaged: .* crashed \(-11\)"):
            sandbox.vet_program(PROGRAM, file_sha256(PROGRAM))


def test_a_program_that_hangs_is_refused(
    interpreter: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    interpreter("exec sleep 100")
    monkeypatch.setattr(sandbox, "TIMEOUT_S", 0.2)
    with pytest.raises(ModelError, match=r"did not end within 0.2 s"):
        sandbox.vet_program(PROGRAM, file_sha256(PROGRAM))


def test_the_error_of_the_child_is_raised(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.pte"
    damaged.write_bytes(PROGRAM.read_bytes()[:4000])
    with pytest.raises(ModelError, match=r"damaged.pte: ExecuTorch"):
        sandbox.vet_program(damaged, file_sha256(damaged))


def test_shipped_programs_are_trusted(interpreter: Callable[[str], None]) -> None:
    interpreter("kill -SEGV $$")
    shipped = resolve_model(DEFAULT_MODEL)
    sandbox.vet_program(shipped, file_sha256(shipped))


def test_a_home_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAFORMER_EDGE_HOME", "/dev/null/models")
    sandbox.vet_program(PROGRAM, file_sha256(PROGRAM))


@pytest.mark.parametrize("text", ["{}", "", "[" * 100_000, "[1, null]"])
def test_an_invalid_list_of_programs_counts_as_empty(models_home: Path, text: str) -> None:
    models_home.mkdir(parents=True)
    (models_home / sandbox.VETTED).write_text(text)
    sandbox.vet_program(PROGRAM, file_sha256(PROGRAM))
    assert file_sha256(PROGRAM) in (models_home / sandbox.VETTED).read_text()
