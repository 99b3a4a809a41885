"""`seaformer-edge segment`: from pictures or a video to rendered results, label maps and tables."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from seaformer_edge.cli.batch import Job, jobs_of
from seaformer_edge.cli.completers import complete_sources
from seaformer_edge.cli.interrupt import stop_on_signals
from seaformer_edge.cli.options import (
    Choice,
    FloatRange,
    Position,
    debug_option,
    file_path,
    model_option,
    position,
    thread_count,
)
from seaformer_edge.cli.output import echo
from seaformer_edge.cli.views import VIEW_OPTIONS, refuse_with_a_classifier, view_of, view_options
from seaformer_edge.errors import SinkError, SourceError
from seaformer_edge.inference.modes import Mode
from seaformer_edge.safe_text import is_address

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tqdm import tqdm

    from seaformer_edge.frame import Frame, Segmentation
    from seaformer_edge.hub.card import Card
    from seaformer_edge.inference.pipeline import RunSummary
    from seaformer_edge.inference.views import View
    from seaformer_edge.sinks import Render, Sink
    from seaformer_edge.sources import FrameSource

log = logging.getLogger(__name__)

INTERRUPTED = 130
PIPE = Path("-")
"""Of a target: standard output."""
TOP_CLASSES = 5
CODEC_CHOICES = ("h264", "hevc", "vp9", "mpeg4", "mjpeg", "ffv1")
"""Of `sinks.formats.CODECS`, which takes time to import."""


@click.command()
@click.argument(
    "sources", nargs=-1, required=True, metavar="SOURCE...", shell_complete=complete_sources
)
@click.option(
    "-o",
    "--output",
    type=file_path,
    help="Rendered result: a video, a picture, a folder, or - for a video on standard output.",
)
@click.option(
    "--masks",
    type=file_path,
    help="Label maps: a folder, or a .png for one picture. Palette PNGs of class ids.",
)
@click.option(
    "--stats",
    type=file_path,
    help="Table of each frame's classes: .csv, .jsonl, or - for JSON lines on standard output.",
)
@model_option
@view_options
@click.option(
    "--start",
    callback=position,
    metavar="N|TIME",
    help="First frame, counted from 0, or its time: 10s, 1.5s, 00:01:30.",
)
@click.option(
    "--end", callback=position, metavar="N|TIME", help="Frame to stop before, or its time."
)
@click.option("--every", type=click.IntRange(1), default=1, metavar="N", help="Every N-th frame.")
@click.option(
    "--input-fps",
    type=FloatRange(0.001, 1000),
    metavar="FPS",
    help="Frames per second of SOURCE, instead of its own times; its audio is left out.",
)
@click.option("--codec", type=Choice(CODEC_CHOICES), help="Codec of the video.")
@click.option(
    "--quality",
    type=click.IntRange(0, 100),
    metavar="0..100",
    help="Of a video, a JPEG or a WebP; 100 is the largest and best.",
)
@click.option("--threads", type=thread_count, metavar="N", help="Threads for the network.")
@click.option("--overwrite", is_flag=True, help="Replace results that exist; links stay.")
@debug_option
@click.pass_context
def segment(
    context: click.Context,
    sources: tuple[str, ...],
    output: Path | None,
    masks: Path | None,
    stats: Path | None,
    model: str | None,
    mode: str,
    opacity: float,
    classes: str | None,
    labels: bool,
    min_confidence: float,
    start: Position | None,
    end: Position | None,
    every: int,
    input_fps: float | None,
    codec: str | None,
    quality: int | None,
    threads: int | None,
    overwrite: bool,
) -> int:
    """Segment SOURCE: videos, pictures, a folder, a pattern like 'frames/*.png', or 'sample'.

    Also a URL, @FILE or env:NAME for one that others must not see, or - for a video or motion JPEG
    on standard input. Cameras are for live.

    Several pictures are frames of one result. Of several videos, or a folder of videos, each has
    its results in the folders that -o, --masks and --stats name.

    No frame is dropped. Files have their names only once they are whole. Ctrl-C finishes them with
    the frames so far; an error removes what is unfinished, except a recording of a live source.

    With a classifier as the model, the most probable classes of each frame are written over it
    (-o), into a table (--stats), or only printed.
    """
    targets = [path for path in (output, masks, stats) if path is not None]
    if len({os.path.realpath(path) for path in targets}) < len(targets):
        raise click.UsageError("-o, --masks and --stats must be different paths")
    if masks == PIPE:
        raise click.UsageError("masks are written to a folder or a .png")
    if any(is_address(str(path)) for path in targets):
        raise click.UsageError("results are written to files and folders, not to a URL")
    if output is None and (codec or quality is not None):
        raise click.UsageError("--codec and --quality need -o")
    first, last = start or Position(), end or Position()
    if _is_empty(first.frame or 0, last.frame) or _is_empty(first.time_s or 0.0, last.time_s):
        raise click.UsageError("--end must be greater than --start")

    # Imported late: OpenCV and FFmpeg take time that `--help` and a mistyped option do not need.
    import cv2
    import numpy as np

    from seaformer_edge.hub.card import read_card
    from seaformer_edge.hub.zoo import resolve_model
    from seaformer_edge.inference.pipeline import process
    from seaformer_edge.inference.segmenter import Classifier, Segmenter
    from seaformer_edge.sinks import (
        ClassScores,
        ClassShares,
        PictureSink,
        Rendered,
        VideoPipe,
        open_masks,
        open_sink,
    )
    from seaformer_edge.sources import Retimed, Selection

    path = resolve_model(model)
    card = read_card(path)
    kind: type[Any]
    table: type[Any]
    if card.task == "classification":
        refuse_with_a_classifier(context, card, ("masks", *VIEW_OPTIONS))
        kind, table = Classifier, ClassScores
    else:
        if not targets:
            raise click.UsageError("nothing to write: give -o, --masks or --stats")
        kind, table = Segmenter, ClassShares
    view = view_of(card, mode, opacity, classes, labels)
    palette = np.array(card.palette, np.uint8)
    cv2.setNumThreads(1)  # the frames already use every core

    def run(job: Job) -> bool:
        """Run one job; returns whether it was interrupted."""
        with ExitStack() as stack:
            frames = stack.enter_context(_open(job))
            if input_fps is not None:
                if frames.is_live:
                    raise click.UsageError("--input-fps is for files, and this source is live")
                frames = Retimed(frames, Fraction(input_fps).limit_denominator(1001))
            if (start, end, every) != (None, None, 1):
                frames = Selection(
                    frames,
                    first.frame or 0,
                    last.frame,
                    every,
                    start_s=first.time_s or 0.0,
                    end_s=last.time_s,
                )
            many = frames.frame_count != 1
            network: Any = kind.from_path(path, threads, throughput=many)
            sinks: list[Sink[Any]] = []
            if job.output is not None:
                width, height = frames.frame_size
                size = (width * len(Mode(mode).panels), height)
                if job.output == PIPE:
                    pictures: PictureSink = VideoPipe(frames, size, codec, quality)
                else:
                    pictures = open_sink(
                        job.output,
                        frames,
                        size=size,
                        overwrite=overwrite,
                        codec=codec,
                        quality=quality,
                    )
                sinks.append(Rendered(_renderer(card, view), pictures))
            if job.masks is not None:
                sinks.append(open_masks(job.masks, frames, palette, overwrite=overwrite))
            if job.stats is not None:
                sinks.append(table(job.stats, frames, overwrite=overwrite))
            stop = stack.enter_context(stop_on_signals())
            bar = stack.enter_context(_progress_bar(frames))
            for sink in sinks:
                stack.enter_context(sink)
            summary = process(
                frames,
                partial(network, min_confidence=min_confidence) if min_confidence else network,
                sinks,
                max_concurrency=network.max_concurrency,
                stop=stop,
                on_frame=bar.update,
            )

        echo(_report(summary, job.targets, frames), err=PIPE in job.targets)
        return summary.interrupted

    jobs = jobs_of(sources, Job((), output, masks, stats))
    failed = False
    for job in jobs:
        try:
            if run(job):
                return INTERRUPTED
        except (SourceError, SinkError) as error:
            if len(jobs) == 1:
                raise
            log.error("%s", error)  # and continue with the next video
            failed = True
    return int(failed)


def _is_empty(first: float, last: float | None) -> bool:
    return last is not None and last <= first


def _open(job: Job) -> FrameSource:
    from seaformer_edge.sources import SourceSpec
    from seaformer_edge.sources.paths import open_pictures

    if isinstance(job.source, tuple):
        return open_pictures(job.source)
    frames = SourceSpec.parse(job.source).open_interruptible()
    if frames.is_live:
        log.warning("%s is live: seaformer-edge live stays at its newest frame", frames.name)
    return frames


def _renderer(card: Card, view: View) -> Render[Any]:
    """The function from a frame and its result to one picture; called in the frames' order."""
    import numpy as np

    from seaformer_edge.inference.names import RegionFinder, draw_names
    from seaformer_edge.inference.views import draw_scores, join_panels, render_panels

    if card.task == "classification":
        return lambda frame, classification: draw_scores(frame.image, classification.classes)

    palette = np.array(card.palette, np.uint8)
    of_video = RegionFinder()

    def render(frame: Frame, segmentation: Segmentation) -> NDArray[np.uint8]:
        panels = render_panels(frame.image, segmentation.label_map, palette, view)
        if view.names:
            find_regions = of_video if frame.name is None else RegionFinder()
            regions = find_regions(segmentation.label_map)
            panels = draw_names(panels, regions, card.classes, palette, view)
        return join_panels(panels)

    return render


@contextmanager
def _progress_bar(source: FrameSource) -> Iterator[tqdm[NoReturn]]:
    """Rate and remaining time if standard error is a terminal; log messages appear above it."""
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    with logging_redirect_tqdm(), tqdm(total=source.frame_count, unit="frame", disable=None) as bar:
        yield bar


def _report(summary: RunSummary, targets: list[Path], source: FrameSource) -> str:
    from seaformer_edge.frame import ClassScore

    best = [
        (entry.name, entry.probability if isinstance(entry, ClassScore) else entry.share)
        for entry in summary.classes[:TOP_CLASSES]
    ]
    if summary.unknown:
        best.append(("unknown", summary.unknown))
    frames = "1 frame" if summary.frames == 1 else f"{summary.frames} frames"
    rate = summary.frames / summary.elapsed_s
    outputs = f"{', '.join(map(str, targets))}: " if targets else ""
    lines = [
        f"{outputs}{frames} in {summary.elapsed_s:.1f} s"
        f" ({rate:.1f} a second), {summary.lost_frames} lost",
        "mean ms: " + ", ".join(f"{stage} {ms:.1f}" for stage, ms in summary.mean_ms.items()),
        "classes: " + ", ".join(f"{name} {amount:.1%}" for name, amount in best),
    ]
    if summary.interrupted and not source.is_live:  # a live source has no other end
        known = "" if source.frame_count is None else f" of {source.frame_count}"
        lines.append(f"interrupted: the results are partial, {summary.frames}{known} frames")
    return "\n".join(lines)
