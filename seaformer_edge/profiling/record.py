"""What a profile holds, as it stands in its JSON file."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from seaformer_edge._version import __version__
from seaformer_edge.errors import SeaformerEdgeError, SinkError
from seaformer_edge.machine.board import Board, SystemReading, read_board
from seaformer_edge.profiling.statistics import Latency
from seaformer_edge.runtime import binding

FORMAT = 1
"""Version of the JSON file's format; a file of another one is not compared with."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """How long to measure. The network alone and the whole frame's way each get that much.

    Attributes:
        name: "full" or "quick".
        warmup_frames: not measured at all.
        first_s: seconds that are told apart from the steady state after them.
        frames, seconds: of the steady state.
        needs_both: whether both must be reached, or one is enough.
    """

    name: str
    warmup_frames: int
    first_s: float
    frames: int
    seconds: float
    needs_both: bool


FULL = Protocol("full", 8, 5.0, 1024, 60.0, needs_both=True)
"""MLPerf Mobile's single stream: at least 1,024 frames and 60 seconds."""

QUICK = Protocol("quick", 4, 1.0, 128, 10.0, needs_both=False)
"""128 frames or 10 seconds, whichever is sooner."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Which model it was: the entries of its card that tell, under the name of its file, since
    a network's fp32 and int8 programs have one name on their cards."""

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
        before_mb: with everything imported, but no model.
        loaded_mb: after the first frame.
        peak_mb: the most that was seen.
    """

    before_mb: float
    loaded_mb: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Second:
    """About a second of a run.

    Attributes:
        time_s: its end, from the run's first frame after warm-up.
        network_p50_ms, whole_p50_ms: medians of the frames in it; None if there was none.
        reading: of the machine at its end.
    """

    time_s: float
    network_p50_ms: float | None
    whole_p50_ms: float | None
    reading: SystemReading


@dataclass(frozen=True, slots=True)
class OperatorTime:
    """One of XNNPACK's operators, by the name it gives it, e.g. "Add (ND) #2"."""

    name: str
    p50_ms: float

    @property
    def kind(self) -> str:
        return self.name.partition(" #")[0]


@dataclass(frozen=True, slots=True)
class Run:
    """One model on one number of threads.

    Attributes:
        frame_size: (width, height) of the camera's frame.
        threads: of the network; all else runs on one.
        load_ms: from the file to a program that can run; the card's check of it included.
        first_frame_ms: the whole way of the very first frame.
        network, whole: the network alone, and the whole frame's way, in the steady state.
        network_first, whole_first: the same in the first seconds, or of the first frame.
        stages: the parts of the whole way, in their order, in the steady state.
        before, after: readings of the machine before the model was loaded and at the end.
        throttled: what held the processor back at any time, in plain words.
        timeline: the run second by second.
        operators: the network's, in their order; empty if they were not asked for.
    """

    model: ModelFacts
    frame_size: tuple[int, int]
    threads: int
    load_ms: float
    first_frame_ms: float
    memory: Memory
    network: Latency
    whole: Latency
    network_first: Latency
    whole_first: Latency
    stages: Mapping[str, Latency]
    before: SystemReading
    after: SystemReading
    throttled: tuple[str, ...]
    timeline: tuple[Second, ...]
    operators: tuple[OperatorTime, ...]

    @property
    def label(self) -> str:
        return f"{self.model.name} x{self.threads}"


@dataclass(frozen=True, slots=True)
class Profile:
    """All runs of one command, and where they were made.

    Attributes:
        date: UTC, ISO 8601.
        versions: of what may change the speed, by name.
    """

    date: str
    board: Board
    versions: Mapping[str, str]
    protocol: Protocol
    runs: tuple[Run, ...]


def new_profile(protocol: Protocol, runs: tuple[Run, ...]) -> Profile:
    """A profile of this machine, now."""
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return Profile(date, read_board(), _versions(), protocol, runs)


def _versions() -> dict[str, str]:
    if binding().__name__ == "NativeProgram":
        from seaformer_edge import _native

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


def write_json(profile: Profile, path: Path) -> None:
    """Write a profile as JSON.

    Raises:
        SinkError: the file cannot be written.
    """
    text = json.dumps({"format": FORMAT} | asdict(profile), indent=1)
    try:
        path.write_text(text + "\n")
    except OSError as error:
        raise SinkError(f"{path}: cannot be written ({error.strerror})") from error


def read_json(path: Path) -> dict[str, Any]:
    """An earlier profile, as its JSON is.

    Raises:
        SeaformerEdgeError: the file cannot be read, or is no profile of this format.
    """
    try:
        entries = json.loads(path.read_text())
    except OSError as error:
        raise SeaformerEdgeError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise SeaformerEdgeError(f"{path}: no profile ({error})") from error
    if not isinstance(entries, dict) or not {"format", "runs", "board"} <= entries.keys():
        raise SeaformerEdgeError(f"{path}: no profile; give a file that profile --json wrote")
    if entries["format"] != FORMAT:
        raise SeaformerEdgeError(
            f"{path}: a profile of another format than {FORMAT}; measure it again"
        )
    return entries
