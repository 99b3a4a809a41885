"""The command line where its standard streams are closed or full, or a limit is low."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from clips import noise
from test_segment import PATIENCE_S

from seaformer_edge.cli import main
from seaformer_edge.errors import ModelError
from seaformer_edge.hub.zoo import resolve_model
from seaformer_edge.runtime import open_program, open_replicas
from seaformer_edge.sinks.pictures import write_picture

COMMAND = [sys.executable, str(Path(__file__).with_name("fake_command.py")), "0"]


def _shell(line: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", f'exec "$@" {line}', "bash", *COMMAND, *map(str, arguments)]
    environment = {"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


@pytest.mark.parametrize("line", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_closed_streams_do_not_stop_the_work(tmp_path: Path, line: str) -> None:
    write_picture(tmp_path / "in.png", noise(0))
    done = _shell(line, "segment", tmp_path / "in.png", "-o", tmp_path / "out.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out.png").is_file()


def test_a_full_standard_output(tmp_path: Path) -> None:
    write_picture(tmp_path / "in.png", noise(0))
    done = _shell(">/dev/full", "segment", tmp_path / "in.png", "-o", tmp_path / "out.png")
    assert (tmp_path / "out.png").is_file()
    assert done.returncode == 1
    assert done.stderr == (
        "seaformer-edge: standard output cannot be written (No space left on device)\n"
    )


def test_a_full_standard_error_keeps_the_exit_code(tmp_path: Path) -> None:
    done = _shell("2>/dev/full", "segment", tmp_path / "none.png", "-o", tmp_path / "out.png")
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError("no 2 GB"), "not enough memory"),
        (RuntimeError("can't start new thread"), "not enough memory"),
        (ImportError("libz.so.1: cannot open"), "libz.so.1: cannot open; seaformer-edge doctor"),
        (OSError(24, "Too many open files", "a.png"), "a.png: Too many open files"),
    ],
)
def test_errors_of_the_system_are_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    expected: str,
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("seaformer_edge.cli.models.installed_cards", fail)
    assert main(["models", "list"]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"seaformer-edge: {expected}")
    assert printed.count("\n") == 1


def test_a_program_that_would_not_fit_is_refused() -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    path = resolve_model(None)
    resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), limits[1]))
    try:
        with pytest.raises(ModelError, match="not enough memory"):
            open_program(path, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def test_there_are_no_more_replicas_than_cores(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("seaformer_edge._native", reason="the native extension is not built")
    monkeypatch.setattr("seaformer_edge.runtime.usable_cores", lambda: 2)
    assert len(open_replicas(resolve_model(None), 64)) == 2
    assert "2 threads instead of 64" in caplog.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_end_every_command_like_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    monkeypatch.setattr(
        "seaformer_edge.cli.models.installed_cards", lambda: signal.raise_signal(number)
    )
    assert main(["models", "list"]) == 130
    assert capsys.readouterr().err.strip() == "seaformer-edge: interrupted"
    assert signal.getsignal(number) == signal.SIG_DFL
