"""Boards and their readings, from synthetic /proc and /sys trees and from this machine."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from seaformer_edge.machine.board import Board, SystemMonitor, read_board

PI_5 = {
    "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
    "proc/cpuinfo": "".join(
        f"processor\t: {core}\nBogoMIPS\t: 108.00\n"
        "Features\t: fp asimd evtstrm aes crc32 atomics fphp asimdhp cpuid asimdrdm asimddp\n"
        "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x4\nCPU part\t: 0xd0b\n\n"
        for core in range(4)
    ),
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "81250\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1500000\n",
    "sys/devices/system/cpu/cpu3/cpufreq/scaling_cur_freq": "2400000\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50004\n",
}


@pytest.fixture(autouse=True)
def no_vcgencmd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The only folder in PATH; it is empty."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def script(path: Path, answer: str) -> None:
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(0o755)


def test_a_raspberry_pi(tmp_path: Path) -> None:
    root = tree(tmp_path, PI_5)
    board = read_board(root)
    assert board.name == "Raspberry Pi 5 Model B Rev 1.0"
    assert board.cpu == "4x Cortex-A76"
    assert board.features == ("asimd", "asimdhp", "asimddp")
    assert board.has_int8_dot_product
    reading = SystemMonitor(root).read()
    assert reading.temperature_c == 81.25
    assert reading.clock_mhz == 2400
    assert reading.throttled == ("throttled",)
    assert reading.throttled_before == ("under-voltage", "throttled")


def test_vcgencmd_if_there_is_no_file(tmp_path: Path, no_vcgencmd: Path) -> None:
    script(no_vcgencmd / "vcgencmd", "throttled=0xA0003")
    reading = SystemMonitor(tree(tmp_path, {})).read()
    assert reading.throttled == ("under-voltage", "clock capped")
    assert reading.throttled_before == ("clock capped", "soft temperature limit")


def test_vcgencmd_without_permission(tmp_path: Path, no_vcgencmd: Path) -> None:
    script(no_vcgencmd / "vcgencmd", "VCHI initialization failed")
    assert SystemMonitor(tree(tmp_path, {})).read().throttled == ()
    (no_vcgencmd / "vcgencmd").write_text("no program")
    assert SystemMonitor(tree(tmp_path, {})).read().throttled == ()


def test_two_kinds_of_cores_and_an_unknown_one(tmp_path: Path) -> None:
    parts = ["0xd05"] * 4 + ["0xd0b"] * 3 + ["0xfff"]
    cpuinfo = "\n".join(f"CPU implementer\t: 0x41\nCPU part\t: {part}\n" for part in parts)
    board = read_board(tree(tmp_path, {"proc/cpuinfo": cpuinfo}))
    assert board.cpu == "4x Cortex-A55 + 3x Cortex-A76 + 1x ARM implementer 0x41 part 0xfff"
    assert not board.has_int8_dot_product


def test_a_pc(tmp_path: Path) -> None:
    files = {
        "sys/class/dmi/id/sys_vendor": "LENOVO\n",
        "sys/class/dmi/id/product_name": "21CB\n",
        "proc/cpuinfo": "model name\t: A CPU\nflags\t\t: fpu fma avx2 avx_vnni\n" * 2,
        "sys/class/thermal/thermal_zone0/type": "acpitz",
        "sys/class/thermal/thermal_zone0/temp": "99000",
        "sys/class/thermal/thermal_zone1/type": "x86_pkg_temp",
        "sys/class/thermal/thermal_zone1/temp": "61000",
        "sys/class/hwmon/hwmon0/name": "k10temp",
        "sys/class/hwmon/hwmon0/temp1_input": "62500",
        "sys/class/hwmon/hwmon1/name": "nvme",
        "sys/class/hwmon/hwmon1/temp1_input": "80000",
    }
    root = tree(tmp_path, files)
    board = read_board(root)
    assert (board.name, board.cpu) == ("LENOVO 21CB", "A CPU")
    assert board.features == ("fma", "avx2", "avx_vnni")
    assert SystemMonitor(root).read().temperature_c == 62.5


def test_missing_values(tmp_path: Path) -> None:
    board = read_board(tmp_path)
    assert board.name
    assert board.cpu
    assert board.features == ()
    reading = SystemMonitor(tmp_path).read()
    assert reading.temperature_c is None
    assert reading.clock_mhz is None
    assert reading.throttled == reading.throttled_before == ()


def test_throttling_by_the_kernel(tmp_path: Path) -> None:
    cooling = "sys/class/thermal/cooling_device"
    root = tree(
        tmp_path,
        {
            f"{cooling}0/type": "pwm-fan",
            f"{cooling}0/cur_state": "4",
            f"{cooling}1/type": "cpufreq-cpu0",
            f"{cooling}1/cur_state": "0",
        },
    )
    monitor = SystemMonitor(root)
    assert monitor.read().throttled == ()
    tree(root, {f"{cooling}1/cur_state": "2"})
    assert monitor.read().throttled == ("clock lowered for heat",)


def test_throttling_counters_that_increase(tmp_path: Path) -> None:
    intel = "sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count"
    jetson = "sys/class/hwmon/hwmon2/oc2_event_cnt"
    root = tree(tmp_path, {intel: "7", jetson: "1"})
    monitor = SystemMonitor(root)
    assert monitor.read().throttled == ()
    tree(root, {intel: "9"})
    assert monitor.read().throttled == ("throttled for heat",)
    assert monitor.read().throttled == ()
    tree(root, {jetson: "2"})
    assert monitor.read().throttled == ("over-current",)


def test_a_mac(monkeypatch: pytest.MonkeyPatch, no_vcgencmd: Path) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    answer = """hw.model: Mac14,2
machdep.cpu.brand_string: Apple M2
hw.optional.arm.FEAT_DotProd: 1
hw.optional.arm.FEAT_SME: 0
hw.optional.arm.AdvSIMD: 1"""
    script(no_vcgencmd / "sysctl", answer)
    board = read_board()
    assert (board.name, board.cpu, board.features) == ("Mac14,2", "Apple M2", ("asimd", "asimddp"))


def test_this_machine() -> None:
    board = read_board()
    assert isinstance(board, Board)
    assert board.cores >= 1
    monitor = SystemMonitor()
    started = time.process_time()
    while time.process_time() < started + 0.2:
        pass
    reading = monitor.read()
    assert 0 < reading.process_cpu_percent <= 100
    assert reading.cpu_percent > 0
    assert 5 < reading.process_rss_mb < 1e5
    assert reading.memory_available_mb > 1
