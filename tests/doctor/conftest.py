"""Ways to break what the doctor looks at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seaformer_edge.doctor import probes


@pytest.fixture
def fake_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts a module in the way of the true one, in the processes that are started."""
    folder = tmp_path / "in_the_way"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder))

    def fake(name: str, code: str) -> None:
        (folder / f"{name}.py").write_text(code)

    return fake


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, probes.Answer]:
    """What probes answer, by their names, in place of asking."""
    told: dict[str, probes.Answer] = {}
    monkeypatch.setattr(probes, "ask", lambda name, *_, **__: told[name])
    return told
