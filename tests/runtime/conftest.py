from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from seaformer_edge.runtime import Program

PROGRAMS = Path(__file__).parents[1] / "data" / "programs"


class Binding:
    """One of the two bindings of ExecuTorch."""

    def __init__(self, name: str) -> None:
        if name == "native":
            pytest.importorskip(
                "seaformer_edge._native", reason="the native extension is not built"
            )
        else:
            pytest.importorskip("torch", reason="the official binding needs torch (extra: train)")
            pytest.importorskip("executorch", reason="the official binding needs executorch")
        self._module = importlib.import_module(f"seaformer_edge.runtime.{name}")
        self._program_class = getattr(self._module, f"{name.title()}Program")

    def open(self, program: str | Path, num_threads: int | None = None) -> Program:
        """Open a file, or tests/data/programs/PROGRAM.pte."""
        path = PROGRAMS / f"{program}.pte" if isinstance(program, str) else program
        opened: Program = self._program_class(path, num_threads)
        return opened

    def thread_count(self) -> int:
        count: int = self._module.thread_count()
        return count


@pytest.fixture(params=["native", "official"])
def binding(request: pytest.FixtureRequest) -> Binding:
    return Binding(request.param)


@pytest.fixture
def native() -> Binding:
    return Binding("native")


@pytest.fixture
def official() -> Binding:
    return Binding("official")
