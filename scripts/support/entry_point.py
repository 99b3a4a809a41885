"""A Python package that offers an architecture, as pip would have installed it."""

from __future__ import annotations

from seaformer_edge.nn.registry import ENTRY_POINTS


def write_entry_point(folder, architecture, module):
    """Write the metadata of a package into a folder, which the test puts on sys.path."""
    info = folder / f"{architecture}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {architecture}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\n{architecture} = {module}\n")
