"""Models that are missing or altered, and a segmentation."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seaformer_edge.doctor import models
from seaformer_edge.hub import zoo
from seaformer_edge.hub.card import card_path
from seaformer_edge.hub.manifest import MANIFEST, write_manifest
from seaformer_edge.hub.zoo import DEFAULT_MODEL, resolve_model


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of shipped models with the default one."""
    folder = tmp_path / "models"
    folder.mkdir()
    program = resolve_model(None)
    for path in (program, card_path(program)):
        shutil.copy(path, folder)
    write_manifest(folder)
    monkeypatch.setattr(zoo, "shipped_models_dir", lambda: folder)
    monkeypatch.setattr(models, "shipped_models_dir", lambda: folder)
    return folder


def damage(program: Path) -> None:
    program.write_bytes(program.read_bytes()[:-1])


def test_good_models(shipped: Path) -> None:
    finding = models.models()
    assert finding.state == "ok"
    assert f"{DEFAULT_MODEL} " in finding.message


def test_a_model_that_was_altered_together_with_its_card(shipped: Path) -> None:
    card = shipped / f"{DEFAULT_MODEL}.json"
    card.write_text(card.read_text().replace('"origin": "', '"origin": "other, '))
    finding = models.models()
    assert finding.state == "warn"
    assert f"not as released, by {MANIFEST}: {card.name}" in finding.message
    assert "pip install --force-reinstall" in finding.remedy


@pytest.mark.parametrize("text", [None, "nonsense\n"])
def test_no_usable_manifest(shipped: Path, text: str | None) -> None:
    manifest = shipped / MANIFEST
    manifest.unlink() if text is None else manifest.write_text(text)
    assert str(manifest) in models.models().message


def test_a_damaged_default_model(shipped: Path) -> None:
    damage(shipped / f"{DEFAULT_MODEL}.pte")
    finding = models.models()
    assert finding.state == "error"
    assert "truncated" in finding.message
    assert "pip install --force-reinstall" in finding.remedy


def test_a_damaged_model_of_a_checkout(shipped: Path) -> None:
    (shipped.parent / ".git").mkdir()
    damage(shipped / f"{DEFAULT_MODEL}.pte")
    assert models.models().remedy == f"git -C {shipped.parent} checkout -- models"


def test_no_models(shipped: Path) -> None:
    shutil.rmtree(shipped)
    finding = models.models()
    assert finding.state == "error"
    assert f"{DEFAULT_MODEL} is missing" in finding.message


def test_a_damaged_model_in_the_users_folder(shipped: Path, models_home: Path) -> None:
    models_home.mkdir(parents=True)
    mine = models_home / "mine.pte"
    for path in (shipped / f"{DEFAULT_MODEL}.pte", shipped / f"{DEFAULT_MODEL}.json"):
        shutil.copy(path, mine.with_suffix(path.suffix))
    damage(mine)
    finding = models.models()
    assert finding.state == "warn"
    assert finding.remedy == f"rm {mine}"


def test_segment() -> None:
    pytest.importorskip("seaformer_edge._native", reason="the native extension is not built")
    finding = models.segment()
    assert finding.state == "ok"
    assert DEFAULT_MODEL in finding.message


def test_segment_that_fails(fake_module: Callable[[str, str], None]) -> None:
    fake_module("av", "raise ImportError('libz.so.1: no such file')")
    finding = models.segment()
    assert finding.state == "error"
    assert "libz.so.1" in finding.message
    assert "--debug" in finding.remedy


def test_segment_that_writes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\nexit 0\n")
    silent.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(silent))
    assert "no video was written" in models.segment().message


def test_a_models_folder_that_cannot_be_read(shipped: Path, models_home: Path) -> None:
    models_home.symlink_to(models_home)
    finding = models.models()
    assert finding.state == "warn"
    assert f"{models_home}: models cannot be read there" in finding.message
    assert "SEAFORMER_EDGE_HOME" in finding.remedy
