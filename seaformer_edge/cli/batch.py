"""The jobs of `segment`: one for its SOURCE, or one for each video of a folder."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import click


@dataclass(frozen=True)
class Job:
    """What one run reads and writes; None is a kind of result that is not asked for."""

    source: str
    output: Path | None
    masks: Path | None
    stats: Path | None

    @property
    def targets(self) -> list[Path]:
        return [path for path in (self.output, self.masks, self.stats) if path is not None]


def jobs_of(job: Job) -> list[Job]:
    """The job itself, or a job for each video where its source holds videos and no pictures.

    The targets are then folders, in which every video has results at its own relative path:
    `-o OUT` gives OUT/NAME.mp4, `--masks OUT` the folder OUT/NAME, `--stats OUT` OUT/NAME.csv.

    Raises:
        UsageError: a target is named like a file.
    """
    from seaformer_edge.sources.paths import videos_of

    videos = videos_of(job.source)
    if not videos:
        return [job]
    for path in job.targets:
        if path.suffix and not path.is_dir():
            raise click.UsageError(
                f"{job.source} holds {len(videos)} videos, so the results need a folder,"
                f" and {path} is named like a file"
            )
    base = Path(os.path.commonpath([video.parent for video in videos]))
    names = [video.relative_to(base) for video in videos]
    stems = Counter(name.with_suffix("") for name in names)
    jobs = []
    for video, name in zip(videos, names, strict=True):
        # Two videos that differ only in their endings keep them.
        stem = str(name.with_suffix("")) if stems[name.with_suffix("")] == 1 else str(name)
        jobs.append(
            Job(
                str(video),
                job.output and job.output / f"{stem}{_video_suffix(video)}",
                job.masks and job.masks / stem,
                job.stats and job.stats / f"{stem}.csv",
            )
        )
    return jobs


def _video_suffix(video: Path) -> str:
    """The ending of a video's result: its own if such videos can be written."""
    from seaformer_edge.sinks.encoder import FORMATS

    suffix = video.suffix.lower()
    return suffix if suffix in FORMATS else ".mp4"
