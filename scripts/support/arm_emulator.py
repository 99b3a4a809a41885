"""Counts the instructions of a program on an emulated ARM core, with QEMU and the plugin in arm/.

Needs the packages qemu-user and g++-aarch64-linux-gnu of Debian 12, a C compiler, and once a
network: ExecuTorch's libraries for ARM come out of its wheel. What is built is kept in
~/.cache/seaformer-edge/arm-VERSION.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seaformer_edge.profiling.estimate import Counts

ROOT = Path(__file__).resolve().parents[2]
SOURCES = Path(__file__).parent / "arm"
COMPILER = "aarch64-linux-gnu-g++"
ARM_LIBRARIES = Path("/usr/aarch64-linux-gnu")
EXECUTORCH = "1.5.1"


class UnfitError(Exception):
    """This machine lacks something; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Core:
    """A processor to emulate.

    Attributes:
        qemu: QEMU's name of the core whose instruction sets it has.
        part: its number in /proc/cpuinfo, by which XNNPACK selects kernels; 0: an unknown one.
        features: the line "Features" of /proc/cpuinfo.
        caches: (KiB, ways) of level 1, 2 and 3; (0, 0) for none.
    """

    qemu: str
    part: int
    features: str
    caches: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


V8_0 = "fp asimd evtstrm crc32 cpuid"
V8_2 = f"{V8_0} atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp"
CORES = {
    "cortex-a72": Core("cortex-a72", 0xD08, V8_0, ((32, 2), (1024, 16), (0, 0))),
    "cortex-a76": Core("cortex-a76", 0xD0B, V8_2, ((64, 4), (512, 8), (2048, 16))),
    "cortex-a77": Core("cortex-a76", 0xD0D, V8_2, ((64, 4), (512, 8), (4096, 16))),
    "cortex-a78ae": Core("cortex-a76", 0xD42, V8_2, ((64, 4), (256, 8), (2048, 16))),
    "apple-m1": Core("cortex-a76", 0, V8_2, ((128, 8), (12288, 12), (8192, 16))),
    "neoverse-n1": Core("neoverse-n1", 0xD0C, V8_2, ((64, 4), (1024, 8), (8192, 16))),
    "max": Core("max", 0, f"{V8_2} i8mm bf16 sve sve2", ((64, 4), (512, 8), (2048, 16))),
}


def build() -> Path:
    """The folder with the built plugin and runner.

    Raises:
        UnfitError: a package or the wheel is missing.
        subprocess.CalledProcessError: a compiler failed.
    """
    missing = [name for name in ("qemu-aarch64", COMPILER, "cc") if shutil.which(name) is None]
    if missing:
        raise UnfitError(
            f"{', '.join(missing)} missing: sudo apt install qemu-user g++-aarch64-linux-gnu gcc"
        )
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "seaformer-edge" / f"arm-{EXECUTORCH}"
    libraries = _executorch(folder)
    plugin, runner = folder / "plugin.so", folder / "runner"
    subprocess.run(
        ["cc", "-O3", "-shared", "-fPIC", SOURCES / "plugin.c", "-o", plugin], check=True
    )
    include = libraries / "include"
    subprocess.run(
        [
            *(COMPILER, "-std=c++17", "-O2", "-w", SOURCES / "runner.cpp", "-o", runner),
            *("-I", ROOT / "seaformer_edge/native", "-I", include, "-I"),
            include / "executorch/runtime/core/portable_type/c10",
            *("-DC10_USING_CUSTOM_GENERATED_MACROS", "-rdynamic", "-Wl,--no-as-needed"),
            *("-L", libraries / "lib", f"-Wl,-rpath,{libraries / 'lib'}", "-lexecutorch"),
            *("-lexecutorch_threadpool", "-lexecutorch_backend_xnnpack"),
        ],
        check=True,
    )
    return folder


def _executorch(folder: Path) -> Path:
    """ExecuTorch's headers and libraries for ARM; downloaded if they are missing."""
    unpacked = folder / "executorch"
    if not unpacked.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest"]
        command += [str(folder), "--only-binary=:all:", "--platform", "manylinux_2_28_aarch64"]
        command += ["--python-version", "3.11", f"executorch=={EXECUTORCH}"]
        if subprocess.run(command).returncode:
            raise UnfitError(f"ExecuTorch {EXECUTORCH} for ARM could not be downloaded")
        (wheel,) = folder.glob("executorch-*.whl")
        partial = folder / "executorch.partial"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(partial)
        (partial / "executorch").rename(unpacked)
        shutil.rmtree(partial)
        wheel.unlink()
    return unpacked


def count(
    built: Path, program: Path, core: Core, scratch: Path
) -> tuple[Counts, dict[str, Counts]]:
    """What one run takes on one thread: in all, and by kind of operator as XNNPACK names it.

    Args:
        built: from `build`.
        scratch: an empty folder.

    Raises:
        subprocess.CalledProcessError: the program cannot be run on this core.
    """
    system = scratch / "system"  # files that the emulated program sees in place of this machine's
    for file, text in _system_files(core):
        (system / file).parent.mkdir(parents=True, exist_ok=True)
        (system / file).write_text(text)
    (system / "lib").symlink_to(ARM_LIBRARIES / "lib")
    marks = scratch / "marks"
    levels = "".join(f",l{i}={kib}:{ways}" for i, (kib, ways) in enumerate(core.caches, 1))
    output = subprocess.run(
        [
            *("qemu-aarch64", "-L", system, "-cpu", core.qemu),
            *("-plugin", f"{built / 'plugin.so'},out={marks}{levels}"),
            *(built / "runner", program),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return parse(marks.read_text(), output)


def _system_files(core: Core) -> Iterator[tuple[str, str]]:
    fields = f"Features\t: {core.features}\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
    fields += f"CPU variant\t: 0x1\nCPU part\t: {core.part:#x}\nCPU revision\t: 0\n\n"
    yield "proc/cpuinfo", "".join(f"processor\t: {i}\n{fields}" for i in range(4))
    for name in ("possible", "present"):
        yield f"sys/devices/system/cpu/{name}", "0-3\n"


def parse(marks: str, operators: str) -> tuple[Counts, dict[str, Counts]]:
    """The counts of the run, from what the plugin and the runner wrote.

    After the mark "run" comes one of ExecuTorch and, after the preparations of a first run, one of
    XNNPACK's start; then as many for every operator as it took microseconds.
    """
    lines = [line.split() for line in marks.splitlines()]
    start = next(i for i, line in enumerate(lines) if line[0] == "run") + 2
    totals = [[int(value) for value in line[1:]] for line in lines[start:]]
    kinds: dict[str, Counts] = defaultdict(lambda: Counts(*[0] * len(totals[0])))
    position = 0
    for line in operators.splitlines():
        microseconds, _, name = line.partition(" ")
        following = position + int(microseconds)
        kinds[name.partition(" #")[0]] += _difference(totals[position], totals[following])
        position = following
    return _difference(totals[0], totals[position]), dict(kinds)


def _difference(before: Sequence[int], after: Sequence[int]) -> Counts:
    return Counts(*(b - a for a, b in zip(before, after, strict=True)))
