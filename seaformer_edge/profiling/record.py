"""The content of a profile, and its JSON file."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from seaformer_edge._version import __version__
from seaformer_edge.errors import SeaformerEdgeError, SinkError
from seaformer_edge.files import atomic_write
from seaformer_edge.machine.board import Board, SystemReading, read_board
from seaformer_edge.profiling.latency import LatencyStats
from seaformer_edge.runtime import binding

FORMAT = 2
"""Version of the JSON file's format. Files of format 1 can be read, too."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """How long to measure the network, and how long to measure a frame end to end.

    Attributes:
        name: "full" or "quick".
        warmup_frames: frames before the measurement.
        first_s: seconds that are reported separately; the steady state begins after them.
        frames, seconds: minimum number of frames and duration of the steady state.
        needs_both: whether both minimums must be reached, or one is enough.
    """

    name: str
    warmup_frames: int
    first_s: float
    frames: int
    seconds: float
    needs_both: bool


REPORTED_VERSIONS = ("seaformer-edge", "executorch", "binding", "python", "system")

FULL = Protocol("full", 8, 5.0, 1024, 60.0, needs_both=True)
"""As in the single-stream scenario of MLPerf Mobile: at least 1,024 frames and 60 seconds."""

QUICK = Protocol("quick", 4, 1.0, 128, 10.0, needs_both=False)
"""128 frames or 10 seconds, whichever is reached first."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The measured model: entries of its card, except for the name.

    The name is that of its file, because a network's fp32 and int8 programs have the same name on
    their cards.
    """

    name: str
    task: str
    variant: str
    precision: str
    width: int
    height: int
    classes: int
    sha256: str
    accuracy: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of the process in 10^6 bytes.

    Attributes:
        before_mb: after the imports, before the model is loaded.
        loaded_mb: after the first frame.
        peak_mb: the highest reading.
    """

    before_mb: float
    loaded_mb: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class TimelinePoint:
    """About one second of a run.

    Attributes:
        time_s: the end of the second, from the first frame after warm-up.
        network_p50_ms, end_to_end_p50_ms: medians of its frames; None if it has no frame.
        reading: the state of the machine at its end.
    """

    time_s: float
    network_p50_ms: float | None
    end_to_end_p50_ms: float | None
    reading: SystemReading


@dataclass(frozen=True, slots=True)
class OperatorTime:
    """Median time of one operator, under the name that XNNPACK reports, e.g. "Add (ND) #2"."""

    name: str
    p50_ms: float

    @property
    def kind(self) -> str:
        return self.name.partition(" #")[0]


@dataclass(frozen=True, slots=True)
class Run:
    """The measurements of one model on one number of threads.

    Attributes:
        frame_size: (width, height) of the camera's frame.
        threads: of the network; everything else runs on one thread.
        load_ms: time to check the file against its card and to load it.
        first_frame_ms: end-to-end latency of the very first frame.
        network: latency of the network, in the steady state.
        end_to_end: latency from the camera's frame to the drawn result, in the steady state.
        network_first, end_to_end_first: the same in the first seconds, at least of one frame.
        stages: the parts of `end_to_end` in order of execution.
        before, after: readings of the machine before the model was loaded and at the end.
        throttled: reasons for which the processor was throttled during the run.
        timeline: medians and readings for each second.
        operators: of the network, in order of execution; empty unless requested.
    """

    model: ModelInfo
    frame_size: tuple[int, int]
    threads: int
    load_ms: float
    first_frame_ms: float
    memory: Memory
    network: LatencyStats
    end_to_end: LatencyStats
    network_first: LatencyStats
    end_to_end_first: LatencyStats
    stages: Mapping[str, LatencyStats]
    before: SystemReading
    after: SystemReading
    throttled: tuple[str, ...]
    timeline: tuple[TimelinePoint, ...]
    operators: tuple[OperatorTime, ...]

    def __post_init__(self) -> None:
        if not (self.network.p50_ms > 0 and self.end_to_end.p50_ms > 0):
            raise ValueError("network.p50_ms and end_to_end.p50_ms must be above 0")

    @property
    def label(self) -> str:
        return f"{self.model.name} x{self.threads}"


@dataclass(frozen=True, slots=True)
class Profile:
    """The runs of one `seaformer-edge profile` command.

    Attributes:
        date: UTC, ISO 8601.
        board: the machine.
        versions: of the software that affects the speed, by name.
        protocol: how long each run was measured.
    """

    date: str
    board: Board
    versions: Mapping[str, str]
    protocol: Protocol
    runs: tuple[Run, ...]

    def __post_init__(self) -> None:
        if not self.runs:
            raise ValueError("no runs")
        if missing := [name for name in REPORTED_VERSIONS if name not in self.versions]:
            raise ValueError(f"versions: lacks {', '.join(missing)}")


def new_profile(protocol: Protocol, runs: tuple[Run, ...]) -> Profile:
    """A profile of this machine with the current date."""
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return Profile(date, read_board(), _versions(), protocol, runs)


def _versions() -> dict[str, str]:
    if binding().__name__ == "NativeProgram":
        import seaformer_edge._native as _native

        name, executorch = "native", _native.executorch_version
    else:
        name, executorch = "official", metadata.version("executorch")
    return {
        "seaformer-edge": __version__,
        "executorch": executorch,
        "binding": name,
        "python": platform.python_version(),
        "numpy": metadata.version("numpy"),
        "opencv": metadata.version("opencv-python-headless"),
        "system": platform.platform(),
    }


def write_profile(profile: Profile, path: Path) -> None:
    """Write a profile as JSON.

    Raises:
        SinkError: the file cannot be written.
    """
    text = json.dumps({"format": FORMAT} | asdict(profile), indent=1)
    try:
        atomic_write(path, f"{text}\n".encode())
    except OSError as error:
        raise SinkError(f"{path}: cannot be written ({error.strerror})") from error


def read_profile(path: Path) -> Profile:
    """Read a profile that `write_profile` wrote.

    Raises:
        SeaformerEdgeError: the file cannot be read or is not a valid profile.
    """
    try:
        # NaN and Infinity become strings, so that the validation below reports where they are.
        entries = json.loads(path.read_bytes(), parse_constant=str)
        version = msgspec.convert(entries, _Header).format
        if version == 1:
            entries = _rename_keys_of_format_1(entries)
        elif version != FORMAT:
            raise ValueError(f"its format is {version}, this version reads {FORMAT}")
        return msgspec.convert(entries, Profile)
    except OSError as error:
        raise SeaformerEdgeError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise SeaformerEdgeError(
            f"{path}: not a profile ({error}); use a file that `profile --json` wrote"
        ) from error


@dataclass(frozen=True, slots=True)
class _Header:
    format: int


def _rename_keys_of_format_1(value: Any) -> Any:
    names = {
        "whole": "end_to_end",
        "whole_first": "end_to_end_first",
        "whole_p50_ms": "end_to_end_p50_ms",
    }
    if isinstance(value, dict):
        return {names.get(k, k): _rename_keys_of_format_1(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rename_keys_of_format_1(item) for item in value]
    return value
