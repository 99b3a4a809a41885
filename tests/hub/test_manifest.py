"""The manifest lists what ships."""

from __future__ import annotations

from seaformer_edge.hub.card import card_path
from seaformer_edge.hub.manifest import MANIFEST, changed_files
from seaformer_edge.hub.paths import shipped_models_dir


def test_the_manifest_is_of_the_shipped_models() -> None:
    folder = shipped_models_dir()
    assert not changed_files(folder), "run scripts/release/manifest"
    listed = {line.split("  ")[1] for line in (folder / MANIFEST).read_text().splitlines()}
    programs = list(folder.glob("*.pte"))
    assert listed == {path.name for program in programs for path in (program, card_path(program))}
