"""`seaformer-edge profile`: measure how fast models are on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from seaformer_edge.cli.completers import complete_models
from seaformer_edge.cli.options import FloatRange, debug_option, file_path, thread_count
from seaformer_edge.cli.output import echo
from seaformer_edge.cli.sizes import read_size
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
    try:
        return tuple(dict.fromkeys(thread_count(count, option, context) for count in counts))
    except click.BadParameter as error:
        raise click.BadParameter(f"no list of thread counts such as 1,2,4: {error}") from None


def _parse_frame_size(
    context: click.Context, option: click.Parameter, text: str
) -> tuple[int, int]:
    height, width = read_size(text)
    return width, height


@click.command()
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    help="Model name or .pte file; may be repeated.",
    shell_complete=complete_models,
)
@click.option(
    "--threads",
    callback=_parse_threads,
    metavar="N,N,...",
    help="Threads of the network; one run for each.  [default: 1,2,4,... up to all cores]",
)
@click.option("--quick", is_flag=True, help="128 frames or 10 s instead of 1,024 and 60 s.")
@click.option(
    "--frame-size",
    callback=_parse_frame_size,
    default="640x480",
    show_default=True,
    metavar="WIDTHxHEIGHT",
    help="Size of the camera's frame.",
)
@click.option(
    "--target-fps",
    type=FloatRange(0, min_open=True),
    help="Recommend a model and threads for this frame rate.",
)
@click.option(
    "--remember",
    is_flag=True,
    help="Use the recommended precision wherever its model is named without one.",
)
@click.option("--operators", is_flag=True, help="Also time every operator of the network.")
@click.option("--json", "json_path", type=file_path, help="Write the profile as JSON.")
@click.option("--plot", "plot_path", type=file_path, help="Write charts as PNG.")
@click.option(
    "--compare",
    "earlier_path",
    type=file_path,
    help="Compare with an earlier profile (JSON).",
)
@debug_option
def profile(
    models: tuple[str, ...],
    threads: tuple[int, ...] | None,
    quick: bool,
    frame_size: tuple[int, int],
    target_fps: float | None,
    remember: bool,
    operators: bool,
    json_path: Path | None,
    plot_path: Path | None,
    earlier_path: Path | None,
) -> int:
    """Measure the latency of models on this machine: the network, and a frame end to end.

    End to end means resize, network, labels and overlay. After warm-up, both are measured for at
    least 1,024 frames and 60 s, as in the single-stream scenario of MLPerf Mobile. So one run
    takes more than two minutes. Ctrl-C stops and reports the finished runs.
    """
    if remember and target_fps is None:
        raise click.UsageError("--remember needs --target-fps FPS")
    for path in (json_path, plot_path):
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise SinkError(f"{path}: cannot be written; choose a file in an existing folder")

    from seaformer_edge.hub.card import verify
    from seaformer_edge.hub.zoo import model_of, remember_precision, select_program
    from seaformer_edge.machine.cpu import usable_cores
    from seaformer_edge.profiling.advice import advice, recommended
    from seaformer_edge.profiling.compare import compare
    from seaformer_edge.profiling.measure import Request
    from seaformer_edge.profiling.record import (
        FULL,
        QUICK,
        new_profile,
        read_profile,
        write_profile,
    )
    from seaformer_edge.profiling.report import report, wrapped

    earlier = None if earlier_path is None else read_profile(earlier_path)
    protocol = QUICK if quick else FULL
    counts = threads or [n for n in (1, 2, 4, 8, 16) if n <= usable_cores()]
    selections = [select_program(model) for model in models or (None,)]
    for selection in selections:
        if selection.reason:
            echo(f"{selection.path.stem}: {selection.reason}", err=True)
    paths = [selection.path for selection in selections]
    for path in paths:
        verify(path)  # report errors before measurements that take minutes
    requests = [
        Request(path, count, frame_size, protocol, operators) for path in paths for count in counts
    ]
    runs, interrupted = _measure_all(requests)
    if not runs:
        raise click.Abort
    result = new_profile(protocol, tuple(runs))
    echo(report(result))
    if target_fps is not None:
        echo(f"\n{wrapped(advice(runs, target_fps))}")
        if remember and (best := recommended(runs, target_fps)):
            name = model_of(best.model.name)
            file = remember_precision(name, best.model.precision)
            echo(f"{name} now means its {best.model.precision} program ({file})")
    if earlier is not None:
        echo(f"\n{compare(result, earlier)}")
    if json_path is not None:
        write_profile(result, json_path)
    if plot_path is not None:
        from seaformer_edge.profiling.plot import write_plot

        write_plot(result, plot_path)
    return INTERRUPTED if interrupted else 0


def _measure_all(requests: list[Request]) -> tuple[list[Run], bool]:
    """The finished runs, and whether Ctrl-C was pressed."""
    from tqdm import tqdm

    from seaformer_edge.profiling.process import measure_in_child
    from seaformer_edge.safe_text import printable

    runs: list[Run] = []
    for number, request in enumerate(requests, 1):
        title = printable(f"{number}/{len(requests)} {request.model.stem} x{request.threads}")
        bar_format = "{desc} {percentage:3.0f}%|{bar:20}| {elapsed}{postfix}"
        with tqdm(total=1.0, desc=title, bar_format=bar_format, disable=None, leave=False) as bar:

            def show(progress: Progress, bar: tqdm = bar) -> None:  # type: ignore[type-arg]
                text = f"network {progress.network_ms:.1f} ms"
                text += f", end to end {progress.end_to_end_ms:.1f} ms"
                if progress.temperature_c is not None:
                    text += f", {progress.temperature_c:.0f} C"
                bar.set_postfix_str(text, refresh=False)
                bar.update(progress.done - bar.n)

            try:
                runs.append(measure_in_child(request, show))
            except KeyboardInterrupt:
                return runs, True
    return runs, False
