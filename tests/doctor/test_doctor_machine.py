"""System, board, temperature and disk."""

from __future__ import annotations

import errno
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from seaformer_edge.doctor import machine
from seaformer_edge.doctor.probes import Answer

BOARD = {
    "name": "Raspberry Pi 4 Model B Rev 1.4",
    "cpu": "4x Cortex-A72",
    "cores": 4,
    "features": ["asimd"],
    "has_int8_dot_product": False,
    "memory_available_mb": 1500.0,
}
COOL: dict[str, Any] = {"temperature_c": 52.4, "throttled": [], "throttled_before": []}


def test_a_32_bit_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    finding = machine.system()
    assert finding.state == "error"
    assert "Raspberry Pi OS (64-bit)" in finding.remedy


def test_another_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert machine.system().state == "error"


def test_a_system_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> dict[str, str]:
        raise FileNotFoundError(errno.ENOENT, "no os-release")

    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "freedesktop_os_release", nameless)
    assert machine.system().message.startswith("Linux, ")


def test_a_board(answers: dict[str, Answer]) -> None:
    answers["board"] = Answer(BOARD)
    finding = machine.board()
    assert finding.state == "ok"
    assert "Raspberry Pi 4 Model B Rev 1.4, 4x Cortex-A72, 4 cores" in finding.message
    assert "no int8 dot product" in finding.message


def test_little_memory(answers: dict[str, Answer]) -> None:
    answers["board"] = Answer(BOARD | {"memory_available_mb": 180.0})
    finding = machine.board()
    assert finding.state == "warn"
    assert "0.2 GB of memory" in finding.message
    assert "--threads 1" in finding.remedy


def test_cool(answers: dict[str, Answer]) -> None:
    answers["reading"] = Answer(COOL)
    assert machine.heat() == machine.Finding("heat", "ok", "52 C, not throttled")


@pytest.mark.parametrize(
    ("reading", "message", "remedy"),
    [
        ({"temperature_c": 84.0}, "84 C", "fan"),
        ({"throttled": ["over-current"]}, "throttled now: over-current", "power supply"),
        ({"throttled": ["throttled"]}, "throttled now: throttled", "fan"),
        (
            {"throttled_before": ["under-voltage"]},
            "since it was started: under-voltage",
            "5 V, 5 A",
        ),
    ],
)
def test_throttling(
    reading: dict[str, Any], message: str, remedy: str, answers: dict[str, Answer]
) -> None:
    answers["reading"] = Answer(COOL | reading)
    finding = machine.heat()
    assert finding.state == "warn"
    assert message in finding.message
    assert remedy in finding.remedy


def test_a_board_that_cannot_be_read(answers: dict[str, Answer]) -> None:
    answers["board"] = answers["reading"] = Answer(failure="No module named 'psutil'")
    for finding in (machine.board(), machine.heat()):
        assert finding.state == "warn"
        assert "psutil" in finding.message
        assert "-m seaformer_edge.doctor " in finding.remedy


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 10**7))
    finding = machine.disk()
    assert finding.state == "warn"
    assert "TMPDIR" in finding.remedy


def test_a_home_that_is_not_writable(models_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    finding = machine.disk()
    assert finding.state == "warn"
    assert f"{models_home} is not writable" in finding.message
    assert "SEAFORMER_EDGE_HOME" in finding.remedy
    assert not models_home.exists(), "the check must not create it"
