from __future__ import annotations

import os
import struct
import sys
from types import SimpleNamespace

import pytest

from seaformer_edge.machine import cpu


@pytest.mark.parametrize(
    ("platform", "machine", "hwcap", "computes"),
    [
        ("linux", "aarch64", cpu.HWCAP_ASIMDHP | 0b11, True),
        ("linux", "aarch64", 0b11, False),
        ("linux", "aarch64", None, False),
        ("linux", "armv7l", cpu.HWCAP_ASIMDHP, False),
        ("linux", "x86_64", cpu.HWCAP_ASIMDHP, False),
        ("darwin", "arm64", None, True),
        ("darwin", "x86_64", None, False),
    ],
)
def test_processors_that_compute_in_fp16(tmp_path, monkeypatch, platform, machine, hwcap, computes):
    vector = tmp_path / "auxv"
    if hwcap is not None:
        vector.write_bytes(struct.pack("@LLLLLL", 6, 4096, cpu.AT_HWCAP, hwcap, 0, 0))
    monkeypatch.setattr(cpu, "AUXILIARY_VECTOR", vector)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine=machine))
    assert cpu.computes_in_fp16() is computes


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_this_processor_has_capabilities():
    assert cpu._hardware_capabilities() > 0
