"""The jobs of `segment`: one for its SOURCE or pictures, or one for each of several videos."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from seaformer_edge.errors import SourceError


@dataclass(frozen=True)
class Job:
    """What one run reads and writes.

    Attributes:
        source: the text of one source, or picture files.
        output, masks, stats: None is a kind of result that is not asked for.
    """

    source: str | tuple[Path, ...]
    output: Path | None
    masks: Path | None
    stats: Path | None

    @property
    def targets(self) -> list[Path]:
        return [path for path in (self.output, self.masks, self.stats) if path is not None]


def jobs_of(sources: Sequence[str], targets: Job) -> list[Job]:
    """One job for one source or several pictures, else one for each video.

    Several videos are those that `sources` name, and those of folders and patterns without
    pictures. The targets are then folders, in which every video has results at its own relative
    path: `-o OUT` gives OUT/NAME.mp4, `--masks OUT` the folder OUT/NAME, `--stats OUT`
    OUT/NAME.csv.

    Args:
        sources: texts as for `SourceSpec`; several are files, folders or patterns.
        targets: its source is not used.

    Raises:
        UsageError: a target is named like a file, or `sources` do not go together.
        SourceError: a picture that is named does not exist.
    """
    from seaformer_edge.sources.paths import videos_of

    if len(sources) == 1:
        files = videos_of(sources[0])
        if not files:
            return [replace(targets, source=sources[0])]
        named = f"{sources[0]} holds {len(files)} videos"
    else:
        files = [file for source in sources for file in _files_of(source)]
        named = f"these are {len(files)} videos or folders"
        if pictures := _pictures(files):
            return [replace(targets, source=pictures)]
    for path in targets.targets:
        if str(path) == "-":
            raise click.UsageError(f"{named}, so the results need a folder, not standard output")
        if path.suffix and not path.is_dir():
            raise click.UsageError(
                f"{named}, so the results need a folder, and {path} is named like a file"
            )
    return _job_for_each(files, targets)


def _files_of(source: str) -> list[Path]:
    """The files or folders of one of several sources; folders of videos are their videos."""
    from seaformer_edge.sources.paths import matches, videos_of
    from seaformer_edge.sources.spec import SourceSpec

    spec = SourceSpec.parse(source)
    if spec.kind.name not in ("path", "pattern", "unknown"):
        raise click.UsageError(
            f"{spec.display_name}: several sources must be files or folders; name this one alone"
        )
    return videos_of(source) or matches(source) or [Path(source)]


def _pictures(files: Sequence[Path]) -> tuple[Path, ...]:
    """The files, if all of them are pictures; none, if none is."""
    from seaformer_edge.sources.pictures import PICTURE_SUFFIXES

    pictures = tuple(p for p in files if p.suffix.lower() in PICTURE_SUFFIXES and not p.is_dir())
    if pictures and len(pictures) < len(files):
        raise click.UsageError("name pictures and videos in separate commands")
    for path in pictures:
        if not path.exists():
            raise SourceError(f"{path}: no such file")
    return pictures


def _job_for_each(files: Sequence[Path], targets: Job) -> list[Job]:
    base = Path(os.path.commonpath([file.absolute().parent for file in files]))
    names = [file.absolute().relative_to(base) for file in files]
    stems = Counter(name.with_suffix("") for name in names)
    jobs = []
    for file, name in zip(files, names, strict=True):
        # Two videos that differ only in their endings keep them.
        stem = str(name.with_suffix("")) if stems[name.with_suffix("")] == 1 else str(name)
        jobs.append(
            Job(
                str(file),
                targets.output and targets.output / f"{stem}{_result_suffix(file)}",
                targets.masks and targets.masks / stem,
                targets.stats and targets.stats / f"{stem}.csv",
            )
        )
    return jobs


def _result_suffix(file: Path) -> str:
    """The ending of a video's result: its own if such videos keep times. A folder has none."""
    from seaformer_edge.sinks.formats import FORMATS

    if file.is_dir():
        return ""
    suffix = file.suffix.lower()
    return suffix if suffix in FORMATS and FORMATS[suffix].keeps_times else ".mp4"
