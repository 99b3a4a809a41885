"""What scripts/verify/fuzz takes for a hang."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from loading import load_script


@pytest.fixture
def fuzz(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    module = load_script("verify/fuzz")
    monkeypatch.setattr(module, "HANG_S", 0.1)
    return module


def test_a_slow_start_is_no_hang_and_a_slow_input_is(fuzz, tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "0.6"]) as starting:
        assert not fuzz.wait_for(starting, tmp_path / "input")
    (tmp_path / "input").touch()
    os.utime(tmp_path / "input", (0, 0))
    with subprocess.Popen(["sleep", "600"]) as hanging:
        assert fuzz.wait_for(hanging, tmp_path / "input")


def test_a_target_that_does_not_start_is_a_defect(fuzz, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "executable", "false")
    (tmp_path / "urls-0").mkdir()
    (tmp_path / "urls-0" / "report").write_text("{}")  # of an earlier run
    given, _, found = fuzz.run("urls", 5, 0, tmp_path)
    assert given == 0
    assert [defect.partition(":")[0] for defect in found] == ["did not start"]
