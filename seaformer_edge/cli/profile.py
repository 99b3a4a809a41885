"""`seaformer-edge profile`: how fast models are on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from seaformer_edge.cli.options import debug_option, file_path
from seaformer_edge.errors import SinkError

if TYPE_CHECKING:
    from seaformer_edge.profiling.measure import Progress, Request
    from seaformer_edge.profiling.record import Run

INTERRUPTED = 130


def _parse_threads(
    context: click.Context, option: click.Parameter, text: str | None
) -> tuple[int, ...] | None:
    if text is None:
        return None
    counts = text.split(",")
    if not all(count.strip().isdecimal() and int(count) > 0 for count in counts):
        raise click.BadParameter(f"{text!r} is no list of thread counts like 1,2,4")
    return tuple(dict.fromkeys(map(int, counts)))


def _parse_frame_size(
    context: click.Context, option: click.Parameter, text: str
) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise click.BadParameter(f"{text!r} is no size like 640x480")
    return int(width), int(height)


@click.command()
@click.option(
    "-m", "--model", "models", multiple=True, help="A model's name, or a .pte file; again for more."
)
@click.option(
    "--threads",
    callback=_parse_threads,
    metavar="N,N,...",
    help="Threads of the network, one run for each.  [default: 1, 2, 4 ... up to the cores]",
)
@click.option("--quick", is_flag=True, help="128 frames or 10 s instead of 1,024 and 60 s.")
@click.option(
    "--frame-size",
    callback=_parse_frame_size,
    default="640x480",
    show_default=True,
    metavar="WxH",
    help="Of the camera.",
)
@click.option(
    "--target-fps",
    type=click.FloatRange(0, min_open=True),
    help="Recommend model and threads for so many frames a second.",
)
@click.option("--operators", is_flag=True, help="Time every operator of the networks too.")
@click.option("--json", "json_path", type=file_path, help="Write everything as JSON.")
@click.option("--plot", "plot_path", type=file_path, help="Draw it as PNG.")
@click.option(
    "--compare", "earlier_path", type=file_path, help="JSON of an earlier profile to compare with."
)
@debug_option
def profile(
    models: tuple[str, ...],
    threads: tuple[int, ...] | None,
    quick: bool,
    frame_size: tuple[int, int],
    target_fps: float | None,
    operators: bool,
    json_path: Path | None,
    plot_path: Path | None,
    earlier_path: Path | None,
) -> int:
    """Measure models on this machine: the network alone, and the whole frame's way.

    The whole way is resize, network, labels and overlay. After warm-up each gets at least 1,024
    frames and 60 s, as in MLPerf Mobile's single stream, so a run takes over two minutes; Ctrl-C
    ends with the runs that are done.
    """
    for path in (json_path, plot_path):
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise SinkError(f"{path}: no file can be written there; name one in a folder that is")

    from seaformer_edge.hub.card import verify
    from seaformer_edge.hub.zoo import resolve_model
    from seaformer_edge.machine.cpu import usable_cores
    from seaformer_edge.profiling.advice import advice
    from seaformer_edge.profiling.compare import compare
    from seaformer_edge.profiling.measure import Request
    from seaformer_edge.profiling.record import FULL, QUICK, new_profile, read_json, write_json
    from seaformer_edge.profiling.report import report

    earlier = None if earlier_path is None else read_json(earlier_path)
    protocol = QUICK if quick else FULL
    counts = threads or [n for n in (1, 2, 4, 8, 16) if n <= usable_cores()]
    paths = [resolve_model(model) for model in models or (None,)]
    for path in paths:
        verify(path)  # now, rather than minutes later
    requests = [
        Request(path, count, frame_size, protocol, operators) for path in paths for count in counts
    ]
    runs, interrupted = _measure_all(requests)
    if not runs:
        raise click.Abort
    result = new_profile(protocol, tuple(runs))
    click.echo(report(result))
    if target_fps is not None:
        click.echo(f"\n{advice(runs, target_fps)}")
    if earlier is not None:
        click.echo(f"\n{compare(result, earlier)}")
    if json_path is not None:
        write_json(result, json_path)
    if plot_path is not None:
        from seaformer_edge.profiling.plot import write_plot

        write_plot(result, plot_path)
    return INTERRUPTED if interrupted else 0


def _measure_all(requests: list[Request]) -> tuple[list[Run], bool]:
    """The runs that were made, and whether Ctrl-C ended them."""
    from tqdm import tqdm

    from seaformer_edge.profiling.process import measure_apart

    runs: list[Run] = []
    for number, request in enumerate(requests, 1):
        title = f"{number}/{len(requests)} {request.model.stem} x{request.threads}"
        form = "{desc} {percentage:3.0f}%|{bar:20}| {elapsed}{postfix}"
        with tqdm(total=1.0, desc=title, bar_format=form, disable=None, leave=False) as bar:

            def show(progress: Progress, bar: tqdm = bar) -> None:  # type: ignore[type-arg]
                heat = progress.temperature_c
                bar.set_postfix_str(
                    f"network {progress.network_ms:.1f} ms, whole {progress.whole_ms:.1f} ms"
                    + ("" if heat is None else f", {heat:.0f} C"),
                    refresh=False,
                )
                bar.update(progress.done - bar.n)

            try:
                runs.append(measure_apart(request, show))
            except KeyboardInterrupt:
                return runs, True
    return runs, False
