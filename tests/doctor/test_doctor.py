"""All checks together, and how they are told."""

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
CAMERA = Finding("cameras", "warn", "may not open /dev/video0", "sudo usermod\nlog in again")
BINDING = Finding("runtime", "error", "nothing to run models with", "sudo apt-get install g++")


def test_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("seaformer_edge._native", reason="the native part was not built")
    assert main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [finding["name"] for finding in told["findings"]] == list(CHECKS)
    assert "error" not in {finding["state"] for finding in told["findings"]}
    assert "could not be looked at" not in str(told)


def test_a_machine_that_cannot_do_the_job(
    fake_module: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    fake_module("numpy", "raise ImportError('libgfortran.so.5: cannot open shared object file')")
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out, "colour is for terminals"
    assert "X  libraries  numpy does not load" in out
    assert "X  segment" in out
    assert out.index("Files cannot be segmented here") > out.index("ok training")


def test_a_check_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Finding:
        raise PermissionError(13, "Permission denied", "/sys/secret")

    monkeypatch.setattr(doctor, "CHECKS", {"heat": fail})
    (finding,) = doctor.examine()
    assert finding.state == "warn"
    assert "PermissionError" in finding.what
    assert "/sys/secret" in finding.what


def test_what_mends_it_comes_last() -> None:
    lines = click.unstyle(report.verdict([BINDING, FINE, CAMERA])).splitlines()
    assert lines[0].startswith("Files cannot be segmented here.")
    assert lines[1:] == [
        "!  cameras    sudo usermod",
        "              log in again",
        "X  runtime    sudo apt-get install g++",
    ]
    assert report.verdict([FINE, CAMERA]).startswith("Files can be segmented here.")
    assert report.verdict([FINE]) == "All is well: files can be segmented here."


def test_a_row_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    row = click.unstyle(report.row(Finding("models", "ok", "a model, " * 20)))
    assert max(map(len, row.splitlines())) <= 72
    assert {line[:14] for line in row.splitlines()} == {"ok models     ", " " * 14}


def test_json_names_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/anna"))
    monkeypatch.setattr(getpass, "getuser", lambda: "anna")
    what = "/home/anna/.venv, /home/annabel, /media/anna/stick: savanna"
    (told,) = json.loads(report.as_json([Finding("disk", "ok", what)]))["findings"]
    assert told["what"] == "~/.venv, /home/annabel, /media/USER/stick: savanna"


def test_json_where_the_user_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert "3.13.5" in report.as_json([FINE])
