"""`seaformer-edge demo`: the live window."""

from __future__ import annotations

from typing import Any

import click

from seaformer_edge.cli.cameras import camera_options, refuse_without_a_camera
from seaformer_edge.cli.completers import complete_sources
from seaformer_edge.cli.options import WindowThreads, debug_option, model_option
from seaformer_edge.cli.output import echo
from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.machine.debian import install_line, missing_libraries
from seaformer_edge.machine.display import check_display
from seaformer_edge.machine.extras import install_extra


@click.command()
@click.option(
    "--source",
    metavar="S",
    shell_complete=complete_sources,
    help="A camera's number or camera:NAME, picamera, a URL, a file, a folder, 'sample' or"
    " 'synthetic';"
    " @FILE or env:NAME for a URL that others must not see.",
)
@model_option
@click.option(
    "--threads",
    type=WindowThreads(),
    metavar="N",
    help="Threads for the network: a number of cores, or 'auto'.",
)
@click.option(
    "--list-sources", is_flag=True, help="List available cameras and other sources, and exit."
)
@camera_options
@debug_option
def demo(
    source: str | None,
    model: str | None,
    threads: int | None,
    list_sources: bool,
    camera: dict[str, Any],
) -> int:
    """Open a window that shows a camera, a stream or a file with the network's prediction.

    Without --source, the last source is opened again; the first time, a camera or the sample. The
    settings of each camera are remembered.
    """
    if list_sources:
        echo(_sources())
        return 0
    if source:
        refuse_without_a_camera(camera, source)
    from seaformer_edge.runtime import check_installation  # imports NumPy

    check_installation()
    check_display()
    try:
        from seaformer_edge_gui.app import run
    except ImportError as error:
        raise SeaformerEdgeError(_missing(error)) from error
    return run(source, model, threads, camera)


def _missing(error: ImportError) -> str:
    package = (error.name or "").partition(".")[0]
    if package in ("PySide6", "shiboken6") and isinstance(error, ModuleNotFoundError):
        return f"the window needs PySide6: {install_extra('gui')}"
    if missing := missing_libraries(str(error)):
        return f"Qt cannot be loaded ({error}); on Debian: {install_line(missing)}"
    raise error


def _sources() -> str:
    """A line for each source: the value for --source, its name, its sizes and rates."""
    from seaformer_edge.sources import list_sources

    lines = []
    for info in list_sources():
        modes = [
            f"{mode.width}x{mode.height}"
            + (f" at {', '.join(f'{rate:g}' for rate in mode.rates)}" if mode.rates else "")
            for mode in info.modes
        ]
        lines.append(f"{info.spec:12} {info.name}" + (f": {'; '.join(modes)}" if modes else ""))
    return "\n".join(lines)
