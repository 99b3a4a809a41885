"""Fixtures that break what the doctor checks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seaformer_edge.doctor import probes


@pytest.fixture
def fake_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """A function that replaces a module in all child processes."""
    folder = tmp_path / "replaced_modules"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder))

    def fake(name: str, code: str) -> None:
        (folder / f"{name}.py").write_text(code)

    return fake


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, probes.Answer]:
    """Answers of the probes, by name; no probe runs."""
    fake_answers: dict[str, probes.Answer] = {}
    monkeypatch.setattr(probes, "ask", lambda name, *_, **__: fake_answers[name])
    return fake_answers
