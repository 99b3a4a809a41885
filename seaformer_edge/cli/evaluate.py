"""`seaformer-edge evaluate`: accuracy of a program or checkpoint on labelled pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seaformer_edge.cli.models import need_torch
from seaformer_edge.cli.options import debug_option, file_path
from seaformer_edge.errors import ModelError
from seaformer_edge.zoo import resolve_model

if TYPE_CHECKING:
    from seaformer_edge.card import Card
    from seaformer_edge.training.evaluate import Predictor
    from seaformer_edge.training.metrics import ConfusionMatrix


@click.command()
@click.argument("model")
@click.option("--data", type=file_path, required=True, help="Folder of the data set.")
@click.option("--split", default="test", show_default=True, help="train, val or test.")
@click.option("--ignore", default=255, show_default=True, help="Label id that is not counted.")
@click.option(
    "--size", metavar="HxW", help="Input size for a checkpoint. Default: each picture's, rounded."
)
@click.option(
    "--write-card", metavar="SET", help="Write the figures into the card as those of SET."
)
@click.option("--fp32", metavar="MODEL", help="What an int8 MODEL came from; measured beside it.")
@debug_option
def evaluate(
    model: str,
    data: Path,
    split: str,
    ignore: int,
    size: str | None,
    write_card: str | None,
    fp32: str | None,
) -> None:
    """Mean IoU of MODEL (a shipped name, .pte, or .safetensors) at the pictures' full size.

    Needs the train extra.
    """
    need_torch()
    from tqdm import tqdm

    from seaformer_edge.card import write_card as write
    from seaformer_edge.training.datasets import LabelledPictures
    from seaformer_edge.training.evaluate import evaluate as run

    path, predict, card = _open(model, size)
    pairs = LabelledPictures(data, split).pairs()

    def measure(predict: Predictor) -> ConfusionMatrix:
        return run(predict, tqdm(pairs, unit="picture", disable=None), card.num_classes, ignore)

    beside = {}
    if fp32:
        _, predict_fp32, reference = _open(fp32, size)
        if reference.classes != card.classes:
            raise ModelError(f"{fp32}: has other classes than {model}; give what it came from")
        beside["fp32 mIoU"] = round(measure(predict_fp32).mean_iou, 4)
    matrix = measure(predict)
    for name, iou in zip(card.classes, matrix.iou, strict=True):
        click.echo(f"{name:16} {iou:.4f}")
    click.echo(f"{'mean IoU':16} {matrix.mean_iou:.4f}")
    for name, value in beside.items():
        click.echo(f"{name:16} {value:.4f}, of which {matrix.mean_iou / value:.1%} kept")
    click.echo(f"{'pixel accuracy':16} {matrix.pixel_accuracy:.4f}")
    click.echo(f"{'pictures':16} {len(pairs)}")
    if write_card:
        accuracy = {
            "mIoU": round(matrix.mean_iou, 4),
            **beside,
            "pixel accuracy": round(matrix.pixel_accuracy, 4),
            "set": f"{write_card}, {len(pairs)} pictures, at their full size",
            "IoU by class": {
                name: round(float(iou), 4)
                for name, iou in zip(card.classes, matrix.iou, strict=True)
            },
        }
        write(replace(card, accuracy=accuracy), path)


def _open(model: str, size: str | None) -> tuple[Path, Predictor, Card]:
    if model.endswith(".safetensors"):
        return Path(model), *_checkpoint(Path(model), size)
    path = resolve_model(model)
    return path, *_program(path)


def _program(path: Path) -> tuple[Predictor, Card]:
    from seaformer_edge.segmenter import Segmenter

    segmenter = Segmenter.from_path(path)
    return lambda image: segmenter(image).label_map, segmenter.card


def _checkpoint(path: Path, size: str | None) -> tuple[Predictor, Card]:
    from seaformer_edge.checkpoint import load_checkpoint
    from seaformer_edge.cli.models import parse_size
    from seaformer_edge.training.evaluate import eager_predictor

    network, card = load_checkpoint(path)
    return eager_predictor(network, parse_size(size) if size else None), card
