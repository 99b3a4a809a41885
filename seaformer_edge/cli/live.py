"""`seaformer-edge live`: a camera, stream or file without a window."""

from __future__ import annotations

import os
import platform
import select
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from seaformer_edge.cli.cameras import camera_options, refuse_without_a_camera
from seaformer_edge.cli.completers import complete_sources
from seaformer_edge.cli.interrupt import stop_on_signals
from seaformer_edge.cli.options import (
    Choice,
    FloatRange,
    byte_size,
    debug_option,
    file_path,
    model_option,
    thread_count,
)
from seaformer_edge.cli.output import echo
from seaformer_edge.cli.serving import open_site, serve_options
from seaformer_edge.cli.status_line import status_line
from seaformer_edge.cli.streams import STANDARD_OUTPUT
from seaformer_edge.cli.views import VIEW_OPTIONS, refuse_with_a_classifier, view_of, view_options
from seaformer_edge.safe_text import is_address

if TYPE_CHECKING:
    from seaformer_edge.hub.card import Card
    from seaformer_edge.inference.views import View
    from seaformer_edge.live import LiveResult
    from seaformer_edge.live.recording import DrawResult
    from seaformer_edge.sinks.encoder import Picture
    from seaformer_edge.web.address import Address

FAILED, INTERRUPTED = 1, 130
UPDATE_S = 1.0
TABLE_SUFFIXES = (".csv", ".jsonl")
"""Of `sinks.tables`, which takes time to import."""
POLL_S = 0.1


@click.command()
@click.argument("source", shell_complete=complete_sources)
@model_option
@click.option("--threads", type=thread_count, metavar="N", help="Threads for the network.")
@click.option(
    "--every",
    type=click.IntRange(1),
    default=1,
    metavar="N",
    help="Run the network on every N-th frame only.",
)
@click.option(
    "--smoothing",
    type=FloatRange(0, 1),
    default=0.0,
    metavar="0..1",
    help="Smooth the classes over time.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a second.")
@click.option(
    "--stats", type=file_path, metavar="FILE", help="Add a row a second to this .csv or .jsonl."
)
@click.option(
    "--stats-size",
    callback=byte_size(1000),
    default="10M",
    show_default=True,
    metavar="SIZE",
    help="Begin a new table at this size; four earlier ones stay, as FILE.1.csv and so on.",
)
@click.option(
    "--record",
    type=file_path,
    metavar="FILE",
    help="Record a video, or the classes of each picture in a .csv or .jsonl.",
)
@click.option(
    "--record-what",
    type=Choice(["view", "raw", "masks"]),
    default="view",
    show_default=True,
    help="view: as --mode shows it; raw: the pictures alone; masks: class ids, without loss.",
)
@click.option(
    "--record-minutes",
    type=FloatRange(0, min_open=True),
    metavar="N",
    help="Begin a new file every N minutes: FILE-20261224-180000.mp4 and so on.",
)
@click.option(
    "--record-size",
    callback=byte_size(1_000_000),
    metavar="SIZE",
    help="Remove the oldest of these files when all take more than SIZE, as 20G.",
)
@click.option("--overwrite", is_flag=True, help="Replace the FILE of --record if it exists.")
@click.option(
    "--snapshots",
    type=file_path,
    metavar="FOLDER",
    help="Save the picture, the overlay and the class ids from time to time.",
)
@click.option(
    "--snapshot-every",
    type=FloatRange(1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="From one snapshot to the next.",
)
@click.option(
    "--zones",
    type=file_path,
    metavar="FILE",
    help="Count the classes in the zones of this file; the page of --serve changes it.",
)
@click.option("--on-event", metavar="COMMAND", help="Run this for each event of a zone's rules.")
@click.option(
    "--mqtt",
    metavar="URL",
    help="Publish to this broker: mqtt://[USER:PASSWORD@]HOST[:PORT][/TOPIC], or mqtts://.",
)
@click.option("--name", metavar="NAME", help="The camera's name for the broker.")
@camera_options
@serve_options
@view_options
@debug_option
@click.pass_context
def live(
    context: click.Context,
    source: str,
    model: str | None,
    threads: int | None,
    every: int,
    smoothing: float,
    as_json: bool,
    stats: Path | None,
    stats_size: int,
    record: Path | None,
    record_what: str,
    record_minutes: float | None,
    record_size: int | None,
    overwrite: bool,
    snapshots: Path | None,
    snapshot_every: float,
    zones: Path | None,
    on_event: str | None,
    mqtt: str | None,
    name: str | None,
    serve: Address | None,
    token_file: Path | None,
    no_auth: bool,
    mode: str,
    opacity: float,
    classes: str | None,
    labels: bool,
    min_confidence: float,
    camera: dict[str, Any],
) -> int:
    """Run on the newest frames of SOURCE until Ctrl-C, SIGTERM or the end of a file; no window.

    SOURCE is a camera's number or camera:NAME, picamera, a URL, a file, a folder, 'sample' or
    'synthetic'; - for a video or motion JPEG on standard input; @FILE or env:NAME for a URL that
    others must not see. Lost cameras and streams are opened again.

    Events of zones are printed as JSON objects, a line each. An address of a broker with a password
    can be given as @FILE or env:NAME too.

    In a terminal, a line shows rates, latency, dropped frames and temperature. Elsewhere only
    problems are printed, each as a line on standard error.
    """
    _check_usage(context)
    refuse_without_a_camera(camera, source)

    import cv2

    from seaformer_edge.hub.card import read_card
    from seaformer_edge.hub.zoo import resolve_model
    from seaformer_edge.live import LivePipeline, limit_malloc_arenas
    from seaformer_edge.live.event_outputs import EventOutputs
    from seaformer_edge.live.headless import HeadlessRun, RecordingPlan, SnapshotPlan
    from seaformer_edge.live.report import as_json as json_line
    from seaformer_edge.live.report import line_of
    from seaformer_edge.live.series import Series
    from seaformer_edge.live.status_table import StatusTable
    from seaformer_edge.live.zone_watch import ZoneWatch
    from seaformer_edge.machine.systemd import notify
    from seaformer_edge.mqtt import read_broker
    from seaformer_edge.runtime import check_installation
    from seaformer_edge.sinks.base import check_folder
    from seaformer_edge.sources import CameraSettings
    from seaformer_edge.zones import RuleWatch, read_zones

    check_installation()
    limit_malloc_arenas()
    cv2.setNumThreads(1)  # the network already uses the cores
    site = None if serve is None else open_site(serve, token_file, no_auth)
    path = resolve_model(model)
    card = read_card(path)
    refuse_with_a_classifier(context, card, (*VIEW_OPTIONS, "zones"))
    view = view_of(card, mode, opacity, classes, labels)
    recording = None
    if record is not None:
        series = None if record_minutes is None else Series(record_minutes * 60, record_size)
        draw, codec = _recorded(card, view, record_what)
        recording = RecordingPlan(record, draw, overwrite, codec, series)
    if snapshots is not None:
        check_folder(snapshots, overwrite=True)
    # A file that is not there yet is begun by the page.
    is_new = zones is not None and site is not None and not zones.exists()
    zone_list = () if zones is None or is_new else read_zones(zones)
    RuleWatch(zone_list, card.classes)  # refuses rules on classes that the model lacks
    broker = None if mqtt is None else read_broker(mqtt)
    pipeline = LivePipeline(
        source,
        path,
        threads,
        every=every,
        smoothing=smoothing,
        names=labels,
        min_confidence=min_confidence,
        realtime=source != "-",  # the program that writes it keeps the time
        camera=CameraSettings(**camera),
        displayed=False,
    )
    outputs = EventOutputs(name or platform.node() or "camera", zone_list, on_event, broker)
    watch = ZoneWatch(pipeline.newest, zone_list, outputs.put)
    run = HeadlessRun(
        pipeline,
        recording=recording,
        snapshots=None if snapshots is None else SnapshotPlan(snapshots, view, snapshot_every),
        table=None if stats is None else StatusTable(stats, stats_size),
        zones=watch if zones is not None else None,
    )

    def update() -> None:
        status, board, record = run.update()
        show(line_of(status, board))
        outputs.update(record, watch)
        notify("WATCHDOG=1")
        if as_json and _can_print():
            echo(json_line(record))

    page: AbstractContextManager[object] = nullcontext()
    if site is not None:
        from seaformer_edge.web.controls import Controls

        folder = Path.cwd() if record is None else None
        controls = Controls(pipeline, path, card, view, folder, watch, zones)
        page = site.serve(run, controls)

    with stop_on_signals() as stop, status_line() as show, outputs, run, page:
        notify("READY=1")
        due_s = monotonic() + UPDATE_S
        ended = False
        while not (ended or stop.is_set()):
            ended = run.pipeline.wait(POLL_S)
            for line in outputs.lines():
                if _can_print():
                    echo(line)
            if monotonic() >= due_s:
                due_s = max(due_s + UPDATE_S, monotonic())
                update()
        update()
    if stop.is_set():
        return INTERRUPTED
    return FAILED if run.failed else 0


def _check_usage(context: click.Context) -> None:
    """Raises click.UsageError for options that do not go together."""
    given = context.params
    depends = {
        **dict.fromkeys(("record_what", "record_minutes", "overwrite"), "record"),
        "record_size": "record_minutes",
        "stats_size": "stats",
        "snapshot_every": "snapshots",
        "on_event": "zones",
        "name": "mqtt",
        **dict.fromkeys(("token_file", "no_auth"), "serve"),
    }
    for name, needed in depends.items():
        is_default = context.get_parameter_source(name) is ParameterSource.DEFAULT
        if given[needed] is None and not is_default:
            raise click.UsageError(f"{_option(name)} needs {_option(needed)}")
    targets = [given[name] for name in ("record", "stats", "snapshots") if given[name] is not None]
    if given["record"] is not None and given["record"].suffix.lower() in TABLE_SUFFIXES:
        for name in ("record_what", "record_minutes"):
            if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
                raise click.UsageError(f"{_option(name)} is for videos, not for a table")
    if any(is_address(str(path)) for path in targets):
        raise click.UsageError("results are written to files and folders, not to a URL")
    if len({os.path.realpath(path) for path in targets}) < len(targets):
        raise click.UsageError("--record, --stats and --snapshots must be different paths")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _recorded(card: Card, view: View, what: str) -> tuple[DrawResult, str | None]:
    """The function that draws what is recorded, and the codec for it."""
    from seaformer_edge.inference.views import draw_scores
    from seaformer_edge.live.recording import drawing_of

    if what == "masks" and card.task == "classification":
        raise click.UsageError(f"masks need a segmenter, and {card.name} is a classifier")

    def draw(result: LiveResult) -> Picture:
        if result.classification is not None:
            return draw_scores(result.frame.image, result.classification.classes)
        return result.render(view)

    return drawing_of(what, draw)


def _can_print() -> bool:
    """Whether standard output takes a line at once: a reader that stops costs nothing but lines."""
    return bool(select.select([], [STANDARD_OUTPUT], [], 0)[1])
