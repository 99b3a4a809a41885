"""`seaformer-edge import-labels`: outlines of annotation tools to masks for training."""

from __future__ import annotations

from pathlib import Path

import click

from seaformer_edge.cli.models import need_torch
from seaformer_edge.cli.options import debug_option, file_path
from seaformer_edge.cli.output import echo


@click.command("import-labels")
@click.argument("annotations", type=file_path)
@click.option(
    "--images",
    type=file_path,
    help="Folder of the pictures. Default: that of ANNOTATIONS, or images in or beside it.",
)
@click.option("-o", "--output", type=file_path, required=True, help="New folder for the data set.")
@click.option(
    "--classes",
    type=file_path,
    help="Class list. Default: background and the annotations' names.",
)
@debug_option
def import_labels(
    annotations: Path, images: Path | None, output: Path, classes: Path | None
) -> None:
    """Draw the outlines in ANNOTATIONS as masks for train. Needs the train extra.

    ANNOTATIONS is a COCO file (.json), a file of CVAT for images (.xml), YOLO's data.yaml, or a
    folder of labelme's JSON files or of YOLO's segmentation files (.txt). A folder with such
    folders train and val (or valid) keeps its splits.

    OUTPUT gets images, labels and classes.json, and check.jpg: pictures with the masks over them.
    """
    need_torch("pycocotools", "yaml")
    from seaformer_edge.hub.class_list import read_class_list
    from seaformer_edge.training import import_labels as task

    class_list = read_class_list(classes) if classes else None
    count, notes = task.import_labels(annotations, images, output, class_list)
    for note in notes:
        echo(note, err=True)
    echo(f"{output}: {count} pictures; look at {output / 'check.jpg'}, then train")
