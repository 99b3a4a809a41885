"""All checks together, and their output."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from seaformer_edge import doctor
from seaformer_edge.cli import main
from seaformer_edge.doctor import CHECKS, Finding, report

FINE = Finding("python", "ok", "3.13.5")
CAMERA = Finding("cameras", "warn", "no permission: /dev/video0", "sudo usermod\nlog in again")
BINDING = Finding("runtime", "error", "no binding", "sudo apt-get install g++")


def test_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("seaformer_edge._native", reason="the native extension is not built")
    assert main(["doctor", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [finding["name"] for finding in result["findings"]] == list(CHECKS)
    assert "error" not in {finding["state"] for finding in result["findings"]}
    assert "the check failed" not in str(result)


def test_a_machine_that_cannot_segment_files(
    fake_module: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    fake_module("numpy", "raise ImportError('libgfortran.so.5: cannot open shared object file')")
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out, "colour only in a terminal"
    assert "X  libraries  numpy does not load" in out
    assert "X  segment" in out
    assert out.index("This machine cannot segment files") > out.index("ok training")


def test_a_check_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Finding:
        raise PermissionError(13, "Permission denied", "/sys/secret")

    monkeypatch.setattr(doctor, "CHECKS", {"heat": fail})
    (finding,) = doctor.examine()
    assert finding.state == "warn"
    assert "PermissionError" in finding.message
    assert "/sys/secret" in finding.message


def test_remedies() -> None:
    lines = click.unstyle(report.verdict([BINDING, FINE, CAMERA])).splitlines()
    assert lines[0].startswith("This machine cannot segment files.")
    assert lines[1:] == [
        "!  cameras    sudo usermod",
        "              log in again",
        "X  runtime    sudo apt-get install g++",
    ]
    assert report.verdict([FINE, CAMERA]).startswith("This machine can segment files.")
    assert report.verdict([FINE]) == "No problems found. This machine can segment files."


def test_a_row_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    row = click.unstyle(report.row(Finding("models", "ok", "a model, " * 20)))
    assert max(map(len, row.splitlines())) <= 72
    assert {line[:14] for line in row.splitlines()} == {"ok models     ", " " * 14}


def test_json_does_not_contain_the_users_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/anna"))
    monkeypatch.setattr(getpass, "getuser", lambda: "anna")
    message = "/home/anna/.venv, /home/annabel, /media/anna/stick: savanna"
    (finding,) = json.loads(report.as_json([Finding("disk", "ok", message)]))["findings"]
    assert finding["message"] == "~/.venv, /home/annabel, /media/USER/stick: savanna"


def test_json_if_the_user_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert "3.13.5" in report.as_json([FINE])
