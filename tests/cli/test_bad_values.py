"""Values that no command can use: one line, and no traceback."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from seaformer_edge.cli import main
from seaformer_edge.errors import ModelError, SourceError, reading
from seaformer_edge.hub.zoo import DEFAULT_MODEL
from seaformer_edge.runtime import open_program, open_replicas

LONG = "9" * 400
LONGER = "9" * 5000  # Python refuses to convert it
TOO_LONG = f"{'a' * 300}.pte"  # for the file system
pytestmark = pytest.mark.filterwarnings("ignore")  # the exporter's libraries warn at length
needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="the train extra (torch) is not installed"
)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("models", "import", "."), marks=needs_torch),
        pytest.param(("models", "import", "/"), marks=needs_torch),
        pytest.param(("models", "import", "CARD", "-o", "."), marks=needs_torch),
        pytest.param(("models", "import", TOO_LONG), marks=needs_torch),
        pytest.param(("models", "export", "/", "-o", "x.pte", "--yes"), marks=needs_torch),
        pytest.param(("models", "export", "CARD", "-o", TOO_LONG), marks=needs_torch),
        pytest.param(("evaluate", TOO_LONG, "--data", "."), marks=needs_torch),
        pytest.param(("train", TOO_LONG, "--data", ".", "-o", "x"), marks=needs_torch),
        ("models", "info", TOO_LONG),
        ("models", "info", "DIR.pte"),
        ("segment", "sample", "-o", "x.mp4", "-m", TOO_LONG),
    ],
)
def test_a_path_that_is_no_model(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("CARD").touch()
    Path("DIR.pte").mkdir()
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.splitlines()[-1].startswith("seaformer-edge: ")
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["mdels"], "models"),
        (["models", "lst"], "list"),
        (["segment", "sample", "--ouput", "x"], "--output"),
        (["segment", "sample", "-o", "x.mp4", "--mode", "overly"], "overlay"),
        (["segment", "sample", "-o", "x.mp4", "--classes", "wall,Carr"], "car"),
        (["segment", "sample", "-o", "x.mp4", "-m", "seaformer-evryday"], "seaformer-t-everyday"),
        (["models", "info", "seaformer-t-ade20"], "seaformer-t-ade20k"),
        (["models", "fetch", "seaformer-t-ade20"], "seaformer-t-ade20k"),
        (["segment", "smple", "-o", "x.mp4"], "sample"),
    ],
)
def test_a_mistyped_name(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    meant: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) in (1, 2)
    message = capsys.readouterr().err.splitlines()[-1]
    assert re.search(rf"[Dd]id you mean .*{meant}'?( or |, |\?)", message)
    assert len(message) < 160


@pytest.mark.parametrize(
    "size", ["99999x99999", f"{LONG}x32", f"{LONGER}x32", "-3x4", "0x0", "²x4"]
)
@pytest.mark.parametrize(
    "command",
    [
        ("profile", "--frame-size"),
        pytest.param(("models", "export", "x", "-o", "x.pte", "--size"), marks=needs_torch),
        pytest.param(("evaluate", "x.safetensors", "--data", ".", "--size"), marks=needs_torch),
    ],
)
def test_an_impossible_size(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...], size: str
) -> None:
    assert main([*command, size]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "size" in error
    assert len(error) < 200


@pytest.mark.parametrize("threads", ["-1", "0", "100000", LONG, LONGER])
@pytest.mark.parametrize(
    "command",
    [
        ("profile",),
        ("demo",),
        ("segment", "x", "-o", "y"),
        ("train", "x", "--data", "x", "-o", "y"),
    ],
)
def test_an_impossible_number_of_threads(command: tuple[str, ...], threads: str) -> None:
    assert main([*command, "--threads", threads]) == 2


@pytest.mark.parametrize("threads", [-1, 0, 10**6, 10**30])
def test_an_impossible_number_of_threads_in_a_program(tmp_path: Path, threads: int) -> None:
    program = tmp_path / f"{DEFAULT_MODEL}.pte"
    program.touch()
    for opening in (open_program, open_replicas):
        with pytest.raises(ModelError, match="threads; use 1 to"):
            opening(program, threads)


def test_an_error_of_the_file_system_keeps_its_reason() -> None:
    expected = r"a\.pte: cannot be read \(Permission denied\)"
    with pytest.raises(SourceError, match=expected), reading("a.pte", SourceError):
        raise PermissionError(13, "Permission denied")
