"""The board: its name and processor, and its current load, temperature and throttling.

The sources are /proc and /sys on Linux, and the firmware of a Raspberry Pi through a file or
`vcgencmd`. A value that a machine does not provide is None or empty; it raises no error.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil

from seaformer_edge.machine.cpu import usable_cores

# Instruction sets by which XNNPACK selects its kernels, under their names in /proc/cpuinfo.
FEATURES = (
    *("fma", "avx2", "avx512f", "avx512_fp16", "avx_vnni", "avx512_vnni", "amx_int8"),
    *("asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme"),
)
INT8_DOT_PRODUCT = {"avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm"}

# (implementer, part) in /proc/cpuinfo, which has no names of ARM cores.
ARM_CORES = {
    ("41", "d03"): "Cortex-A53",
    ("41", "d04"): "Cortex-A35",
    ("41", "d05"): "Cortex-A55",
    ("41", "d07"): "Cortex-A57",
    ("41", "d08"): "Cortex-A72",
    ("41", "d09"): "Cortex-A73",
    ("41", "d0a"): "Cortex-A75",
    ("41", "d0b"): "Cortex-A76",
    ("41", "d0c"): "Neoverse-N1",
    ("41", "d0d"): "Cortex-A77",
    ("41", "d40"): "Neoverse-V1",
    ("41", "d41"): "Cortex-A78",
    ("41", "d42"): "Cortex-A78AE",
    ("41", "d44"): "Cortex-X1",
    ("41", "d49"): "Neoverse-N2",
    ("41", "d4f"): "Neoverse-V2",
    ("41", "d80"): "Cortex-A520",
    ("41", "d81"): "Cortex-A720",
    ("4e", "004"): "Carmel",
}

# Bits of `get_throttled` of the Raspberry Pi firmware. Bits 16 and up: the same since the start.
THROTTLED_BITS = ("under-voltage", "clock capped", "throttled", "soft temperature limit")

CPU_ZONE = re.compile(r"cpu|soc|pkg|core|cluster|k10temp|zenpower|tctl", re.IGNORECASE)
"""Matches the names of thermal zones and sensors of processors."""


@dataclass(frozen=True, slots=True)
class Board:
    """A machine.

    Attributes:
        name: e.g. "Raspberry Pi 5 Model B Rev 1.0".
        cpu: e.g. "4x Cortex-A76".
        cores: number of cores that this process may run on.
        features: instruction sets by which XNNPACK selects its kernels, e.g. "asimddp".
    """

    name: str
    cpu: str
    cores: int
    features: tuple[str, ...]

    @property
    def has_int8_dot_product(self) -> bool:
        """Whether the processor has instructions that make int8 networks faster."""
        return not INT8_DOT_PRODUCT.isdisjoint(self.features)


@dataclass(frozen=True, slots=True)
class SystemReading:
    """The state of the machine at one moment.

    Attributes:
        cpu_percent: load of all cores since the previous reading, 0 to 100.
        process_cpu_percent: the part of this process in it; 100 is all cores.
        process_rss_mb: resident memory of this process (10^6 bytes).
        memory_available_mb: memory that is available without swapping (10^6 bytes).
        temperature_c: of the hottest processor sensor; None if there is none.
        clock_mhz: of the fastest core; None if unknown, as in virtual machines.
        throttled: reasons for which the processor is throttled now, e.g. "under-voltage".
        throttled_before: reasons since the start of the machine; only on a Raspberry Pi.
    """

    cpu_percent: float
    process_cpu_percent: float
    process_rss_mb: float
    memory_available_mb: float
    temperature_c: float | None
    clock_mhz: float | None
    throttled: tuple[str, ...]
    throttled_before: tuple[str, ...]


def read_board(root: Path = Path("/")) -> Board:
    """Reads what this machine is.

    Args:
        root: folder that contains proc/ and sys/.
    """
    if sys.platform == "darwin":
        return _read_mac()
    cpuinfo = _text(root / "proc/cpuinfo")
    features = re.search(r"^(?:flags|Features)\s*:(.*)$", cpuinfo, re.MULTILINE)
    present = set(features[1].split()) if features else set()
    return Board(
        _board_name(root),
        _cpu_name(cpuinfo),
        usable_cores(),
        tuple(name for name in FEATURES if name in present),
    )


class SystemMonitor:
    """Reads the state of the machine. Not thread-safe.

    Args:
        root: folder that contains proc/ and sys/.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._process = psutil.Process()
        self._sys = root / "sys"
        self._vcgencmd = shutil.which("vcgencmd")
        self._counted = self._throttle_counts()
        self._since = self._times()

    def read(self) -> SystemReading:
        """The current state.

        The load is measured since the previous call, which should be some tenths of a second ago.
        """
        before, now = self._since, self._times()
        self._since = now
        elapsed_s, idle_s, process_s = (b - a for a, b in zip(before, now, strict=True))
        all_cores_s = max(elapsed_s, 1e-9) * (psutil.cpu_count() or 1)
        throttled, throttled_before = self._throttled()
        return SystemReading(
            cpu_percent=_percent(1 - idle_s / all_cores_s),
            process_cpu_percent=_percent(process_s / all_cores_s),
            process_rss_mb=self._process.memory_info().rss / 1e6,
            memory_available_mb=psutil.virtual_memory().available / 1e6,
            temperature_c=self._temperature_c(),
            clock_mhz=self._clock_mhz(),
            throttled=throttled,
            throttled_before=throttled_before,
        )

    def _times(self) -> tuple[float, float, float]:
        """Seconds: of the clock, of idle time on all cores, of processor time of this process."""
        cpu, process = psutil.cpu_times(), self._process.cpu_times()
        idle = cpu.idle + getattr(cpu, "iowait", 0.0)
        return time.monotonic(), idle, process.user + process.system

    def _temperature_c(self) -> float | None:
        readings = [
            (_text(zone / "type"), _text(zone / "temp"))
            for zone in self._sys.glob("class/thermal/thermal_zone*")
        ] + [
            (_text(sensor.with_name("name")), _text(sensor))
            for sensor in self._sys.glob("class/hwmon/hwmon*/temp*_input")
        ]
        millidegrees = [int(m) for name, m in readings if CPU_ZONE.search(name) and _is_int(m)]
        return max(millidegrees) / 1e3 if millidegrees else None

    def _clock_mhz(self) -> float | None:
        clocks = self._sys.glob("devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq")
        khz = [int(text) for path in clocks if _is_int(text := _text(path))]
        return max(khz) / 1e3 if khz else None

    def _throttled(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Reasons for throttling: now, and since the start of a Raspberry Pi."""
        bits = self._firmware_bits()
        now, before = _reasons(bits), _reasons(bits >> 16)
        for device in self._sys.glob("class/thermal/cooling_device*"):
            # Cooling devices that lower the processor's clock: "cpufreq-cpu0" on ARM,
            # "thermal-cpufreq-0" with older kernels, "Processor" with ACPI.
            is_cpu = re.search("cpufreq|^processor", _text(device / "type"), re.IGNORECASE)
            if is_cpu and _text(device / "cur_state") not in ("", "0"):
                now.append("clock lowered for heat")
        counted, self._counted = self._counted, self._throttle_counts()
        for path, count in self._counted.items():
            if count > counted.get(path, count):
                name = "over-current" if path.name.startswith("oc") else "throttled for heat"
                now.append(name)
        return tuple(dict.fromkeys(now)), tuple(before)

    def _throttle_counts(self) -> dict[Path, int]:
        """Counters of throttling events, on Intel processors and Jetson boards."""
        paths = [
            *self._sys.glob("devices/system/cpu/cpu[0-9]*/thermal_throttle/*_throttle_count"),
            *self._sys.glob("class/hwmon/hwmon*/oc*_event_cnt"),
        ]
        return {path: int(text) for path in paths if _is_int(text := _text(path))}

    def _firmware_bits(self) -> int:
        """`get_throttled` of a Raspberry Pi; 0 on other boards."""
        for path in self._sys.glob("devices/platform/*/*firmware/get_throttled"):
            if re.fullmatch("[0-9a-f]+", text := _text(path)):
                return int(text, 16)
        if self._vcgencmd is not None:
            command = [self._vcgencmd, "get_throttled"]
            try:
                answer = subprocess.run(command, capture_output=True, text=True, timeout=2).stdout
            except (OSError, subprocess.TimeoutExpired):
                return 0
            if match := re.search("throttled=0x([0-9a-fA-F]+)", answer):
                return int(match[1], 16)
        return 0


def _reasons(bits: int) -> list[str]:
    return [reason for bit, reason in enumerate(THROTTLED_BITS) if bits >> bit & 1]


def _board_name(root: Path) -> str:
    if model := _text(root / "proc/device-tree/model").rstrip("\0"):
        return model
    dmi = root / "sys/class/dmi/id"
    parts = (_text(dmi / "sys_vendor"), _text(dmi / "product_name"))
    return " ".join(filter(None, parts)) or f"{platform.system()} {platform.machine()}"


def _cpu_name(cpuinfo: str) -> str:
    if match := re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE):
        return match[1].strip()
    makers = re.findall(r"^CPU implementer\s*:\s*0x(\w+)", cpuinfo, re.MULTILINE)
    parts = re.findall(r"^CPU part\s*:\s*0x(\w+)", cpuinfo, re.MULTILINE)
    cores = Counter(zip(makers, parts, strict=False))
    names = [
        f"{count}x {ARM_CORES.get(core, f'ARM implementer 0x{core[0]} part 0x{core[1]}')}"
        for core, count in cores.items()
    ]
    return " + ".join(names) or platform.machine()


def _read_mac() -> Board:
    command = ["sysctl", "hw.model", "machdep.cpu.brand_string", "hw.optional.arm"]
    answer = subprocess.run(command, capture_output=True, text=True).stdout
    values = dict(line.split(": ", 1) for line in answer.splitlines() if ": " in line)
    has = {
        "asimd": "AdvSIMD",
        "asimdhp": "FEAT_FP16",
        "asimddp": "FEAT_DotProd",
        "i8mm": "FEAT_I8MM",
        "bf16": "FEAT_BF16",
        "sme": "FEAT_SME",
    }
    return Board(
        values.get("hw.model", "Mac"),
        values.get("machdep.cpu.brand_string", platform.machine()),
        usable_cores(),
        tuple(name for name in FEATURES if values.get(f"hw.optional.arm.{has.get(name)}") == "1"),
    )


def _text(path: Path) -> str:
    """The text of a file in /proc or /sys; empty if it cannot be read."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:  # it does not exist, or its sensor does not answer
        return ""


def _is_int(text: str) -> bool:
    return re.fullmatch(r"-?\d+", text) is not None


def _percent(share: float) -> float:
    return 100 * min(max(share, 0.0), 1.0)
