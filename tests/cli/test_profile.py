"""`seaformer-edge profile`: arguments, tables and files."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest
from fakes import wait_until
from profiles import synthetic_run, tiny_model

from seaformer_edge.cli import main
from seaformer_edge.hub.zoo import PRECISIONS_FILE, resolve_model
from seaformer_edge.profiling.measure import Request

PATIENCE_S = 60


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The only line on standard error."""
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("seaformer-edge: ")
    return line


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """The requests for measurements, which are replaced by synthetic runs."""
    made: list[Request] = []

    def fake(request: Request, on_progress: object) -> object:
        made.append(request)
        name, threads = request.model.stem, request.threads
        return synthetic_run(name, threads, 24 / threads, frame_size=request.frame_size)

    monkeypatch.setattr("seaformer_edge.profiling.process.measure_in_child", fake)
    return made


def test_two_real_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("seaformer_edge._native", reason="the native extension is not built")
    models = [str(tiny_model(tmp_path, name=name)) for name in ("one", "other")]
    files = {name: tmp_path / name for name in ("p.json", "p.png")}
    arguments = ["profile", "-m", models[0], "-m", models[1], "--threads", "1", "--quick"]
    arguments += ["--operators", "--frame-size", "96x64", "--target-fps", "5"]
    arguments += ["--json", str(files["p.json"]), "--plot", str(files["p.png"])]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "one x1" in out
    assert "other x1" in out
    assert "OPERATORS OF ONE X1" in out
    assert "for 5 frames per second: " in out
    entries = json.loads(files["p.json"].read_text())
    assert [run["model"]["name"] for run in entries["runs"]] == ["one", "other"]
    assert all(run["end_to_end"]["frames"] >= 128 for run in entries["runs"])
    assert all(len(run["operators"]) > 3 for run in entries["runs"])
    assert cv2.imread(str(files["p.png"])).shape[1] == 1280

    assert main([*arguments, "--compare", str(files["p.json"])]) == 0
    assert "EARLIER: 20" in capsys.readouterr().out


def test_every_model_on_every_number_of_threads(requests: list[Request], tmp_path: Path) -> None:
    models = [tiny_model(tmp_path, name=name) for name in ("one", "other")]
    arguments = ["-m", str(models[0]), "-m", str(models[1]), "--threads", "1, 3,1"]
    assert main(["profile", *arguments, "--frame-size", "1280x720"]) == 0
    assert [(r.model, r.threads) for r in requests] == [(m, n) for m in models for n in (1, 3)]
    assert {r.frame_size for r in requests} == {(1280, 720)}
    assert {r.protocol.name for r in requests} == {"full"}
    assert not any(r.operators for r in requests)


def test_default_is_the_default_model_on_up_to_all_cores(
    requests: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seaformer_edge.machine.cpu.usable_cores", lambda: 4)
    assert main(["profile", "--quick"]) == 0
    assert [r.threads for r in requests] == [1, 2, 4]
    assert {r.model for r in requests} == {resolve_model(None)}
    assert {r.protocol.name for r in requests} == {"quick"}


def test_the_recommended_precision_is_remembered(
    requests: list[Request], models_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["profile", "-m", "seaformer-t-everyday-int8", "--threads", "1", "--remember"]
    assert main([*arguments, "--target-fps", "1000"]) == 0
    assert not (models_home / PRECISIONS_FILE).exists(), "too slow"
    assert main([*arguments, "--target-fps", "5"]) == 0
    assert "seaformer-t-everyday now means its int8 program" in capsys.readouterr().out
    assert resolve_model(None).stem == "seaformer-t-everyday-int8"
    assert main(["profile", "--threads", "1"]) == 0
    assert "int8, as `profile --remember` stored" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--remember"],
        ["--threads", "0"],
        ["--threads", "1,,2"],
        ["--threads", "two"],
        ["--frame-size", "640"],
        ["--frame-size", "0x480"],
        ["--target-fps", "0"],
    ],
)
def test_bad_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", *arguments]) == 2
    assert arguments[0] in capsys.readouterr().err


def test_errors_are_reported_before_the_measurements(
    requests: list[Request], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tiny_model(tmp_path), tiny_model(tmp_path, name="bad")
    bad.write_bytes(b"x")
    for arguments, problem in [
        (["-m", str(good), "-m", str(bad)], "bad.pte: truncated"),
        (["-m", "yolo"], "yolo: unknown model"),
        (["--json", str(tmp_path / "nowhere" / "p.json")], "cannot be written; choose a file"),
        (["--plot", str(tmp_path)], "cannot be written; choose a file"),
        (["--compare", str(tmp_path / "absent.json")], "absent.json: cannot be read"),
    ]:
        assert main(["profile", *arguments]) == 1
        assert problem in one_line(capsys)
    assert not requests


def test_finished_runs_are_reported_after_an_interruption(
    requests: list[Request], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from seaformer_edge.profiling import process

    fake = process.measure_in_child

    def interrupted(request: Request, on_progress: object) -> object:
        if request.threads == 2:
            raise KeyboardInterrupt
        return fake(request, on_progress)  # type: ignore[arg-type]

    monkeypatch.setattr(process, "measure_in_child", interrupted)
    assert main(["profile", "--threads", "1,2,4"]) == 130
    out = capsys.readouterr().out
    assert "seaformer-t-everyday x1" in out
    assert "seaformer-t-everyday x2" not in out
    assert main(["profile", "--threads", "2"]) == 130
    assert capsys.readouterr().out == ""


def test_ctrl_c(tmp_path: Path) -> None:
    pytest.importorskip("seaformer_edge._native", reason="the native extension is not built")
    command = [sys.executable, "-m", "seaformer_edge", "profile", "-m", str(tiny_model(tmp_path))]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as job:
        deadline_s = time.monotonic() + PATIENCE_S
        children = Path(f"/proc/{job.pid}/task/{job.pid}/children")
        while not (found := children.read_text().split()):
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
        job.send_signal(signal.SIGINT)
        _, errors = job.communicate(timeout=PATIENCE_S)
    assert job.returncode == 130
    assert errors.splitlines()[-1] == "seaformer-edge: interrupted"
    assert "Traceback" not in errors
    command_line = Path(f"/proc/{found[0]}/cmdline")  # empty after it has ended, then removed
    wait_until(lambda: not command_line.exists() or not command_line.read_bytes(), PATIENCE_S)


def test_no_torch_is_loaded() -> None:
    code = "import sys, seaformer_edge.profiling.process, seaformer_edge.profiling.plot,"
    code += " seaformer_edge.profiling.compare, seaformer_edge.profiling.advice,"
    code += " seaformer_edge.cli.profile; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "executorch", "PySide6"} & set(run.stdout.split())
