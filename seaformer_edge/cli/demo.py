"""`seaformer-edge demo`: the live window."""

from __future__ import annotations

import ctypes
import os
import socket
import sys

import click

from seaformer_edge.cli.options import debug_option
from seaformer_edge.errors import SeaformerEdgeError

HEADLESS = "seaformer-edge segment works without a screen"


@click.command()
@click.option(
    "--source",
    metavar="S",
    help="A camera's number or name, picamera, a URL, a file, a folder, 'sample' or 'synthetic'.",
)
@click.option("-m", "--model", help="Name of a model, or a .pte file.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Threads for the network.")
@click.option("--list-sources", is_flag=True, help="List what there is to see through, and end.")
@debug_option
def demo(source: str | None, model: str | None, threads: int | None, list_sources: bool) -> int:
    """Open a window on a camera, a stream or a file, with what the network sees.

    Without --source it takes the last one again; the first time a camera, or the sample.
    """
    if list_sources:
        click.echo(_sources())
        return 0
    check_display()
    try:
        from seaformer_edge_gui.app import run
    except ImportError as error:
        raise SeaformerEdgeError(_missing(error)) from error
    return run(source, model, threads)


def check_display() -> None:
    """Raises SeaformerEdgeError where Qt would find no screen, and end the process."""
    if sys.platform in ("darwin", "win32") or "QT_QPA_PLATFORM" in os.environ:
        return
    if os.environ.get("WAYLAND_DISPLAY"):
        return
    display = os.environ.get("DISPLAY", "")
    if not display:
        raise SeaformerEdgeError(f"no screen: DISPLAY is not set; {HEADLESS}")
    if not _answers(display):
        raise SeaformerEdgeError(f"no screen: {display} does not answer; {HEADLESS}")
    try:
        ctypes.CDLL("libxcb-cursor.so.0")
    except OSError as error:
        raise SeaformerEdgeError(
            "the window needs libxcb-cursor; on Debian: sudo apt-get install libxcb-cursor0"
        ) from error


def _answers(display: str) -> bool:
    """Whether an X server takes connections at ":0" or "host:10.0"."""
    host, _, number = display.rpartition(":")
    number = number.partition(".")[0]
    if not number.isdecimal():
        return False
    if host in ("", "unix"):
        path = f"/tmp/.X11-unix/X{number}"
        addresses: list[tuple[int, object]] = [
            (socket.AF_UNIX, path),
            (socket.AF_UNIX, f"\0{path}"),
        ]
    else:
        addresses = [(socket.AF_INET, (host, 6000 + int(number)))]
    for family, address in addresses:
        with socket.socket(family) as client:
            client.settimeout(2)
            try:
                client.connect(address)  # type: ignore[arg-type]
            except OSError:
                continue
            return True
    return False


def _missing(error: ImportError) -> str:
    if (
        error.name
        and error.name.partition(".")[0] in ("PySide6", "shiboken6")
        and (isinstance(error, ModuleNotFoundError))
    ):
        return "the window needs PySide6: pip install 'seaformer-edge[gui]'"
    if ".so" in str(error):
        return f"Qt cannot be loaded ({error}); on Debian: sudo apt-get install libegl1 libgl1"
    raise error


def _sources() -> str:
    """A line for each source: what to give as --source, its name, its sizes and rates."""
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
