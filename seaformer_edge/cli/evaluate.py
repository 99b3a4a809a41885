"""`seaformer-edge evaluate`: accuracy of a program or checkpoint on labelled pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.cli.completers import complete_models
from seaformer_edge.cli.models import need_torch
from seaformer_edge.cli.options import debug_option, file_path
from seaformer_edge.cli.output import echo
from seaformer_edge.cli.sizes import confirm_size, parse_size, yes_option
from seaformer_edge.errors import ModelError
from seaformer_edge.hub.zoo import resolve_model

if TYPE_CHECKING:
    from seaformer_edge.hub.card import Card
    from seaformer_edge.training.evaluate import Predictor


@click.command()
@click.argument("model", shell_complete=complete_models)
@click.option("--data", type=file_path, required=True, help="Folder of the data set.")
@click.option(
    "--dataset",
    help="Layout and protocol: folder, camvid, ade20k, cityscapes, cityscapes-half,"
    " pascal-context-59, pascal-context-60, coco-stuff; class-folders, imagenet, tiny-imagenet."
    "  [default: folder, or class-folders for a classifier]",
)
@click.option("--split", default="val", show_default=True, help="train, val or test.")
@click.option(
    "--ignore",
    type=click.IntRange(0, 255),
    help="Label id that is not counted, for the folder layout. Default: that of the class list in"
    " DATA, or 255.",
)
@click.option(
    "--size",
    metavar="WIDTHxHEIGHT",
    help="Input size of a checkpoint, in multiples of 32. Default: the data set's protocol.",
)
@yes_option
@click.option(
    "--fp32",
    metavar="MODEL",
    help="Also measure the fp32 model from which an fp16 or int8 MODEL was made, for its card.",
)
@click.option(
    "--write-card",
    metavar="SET",
    help="Write the figures into MODEL's card, SET as the name of the data set.",
)
@debug_option
def evaluate(
    model: str,
    data: Path,
    dataset: str | None,
    split: str,
    ignore: int | None,
    size: str | None,
    yes: bool,
    fp32: str | None,
    write_card: str | None,
) -> None:
    """Measure the accuracy of MODEL (a name, .pte or .safetensors) at the pictures' full size.

    Segmentation: IoU of each class, their mean, pixel accuracy. Classification: top-1 and top-5.
    A .pte has a fixed input size; only a checkpoint follows the sizes of the data set's protocol.
    Needs the train extra.
    """
    need_torch()
    from seaformer_edge.hub.card import check_card_can_be_written
    from seaformer_edge.hub.card import write_card as write

    def measure(path: Path, card: Card) -> dict[str, Any]:
        if card.task == "classification":
            return _classification(path, card, data, dataset or "class-folders", split, input_size)
        return _segmentation(path, card, data, dataset or "folder", split, ignore, input_size)

    input_size = parse_size(size) if size else None
    if input_size and not any(name.endswith(".safetensors") for name in (model, fp32 or "")):
        raise click.UsageError("--size is for a checkpoint; the input size of a program is fixed")
    path, card = _find(model)
    if input_size and not yes:
        input_size = confirm_size(input_size, card)
    if fp32:
        fp32_path, fp32_card = _find(fp32)
        if fp32_card.precision != "fp32":  # a name alone may mean another precision
            raise ModelError(
                f"{fp32_path}: is {fp32_card.precision}; name the fp32 program, as NAME-fp32"
            )
        if (fp32_card.task, fp32_card.classes) != (card.task, card.classes):
            raise ModelError(f"{fp32_path}: {path} was not made from it: its classes differ")
    if write_card:
        check_card_can_be_written(replace(card, accuracy={"set": write_card}), path)
    accuracy = measure(path, card)
    if fp32:
        echo(f"\n{fp32_path}")
        figure = "top-1" if card.task == "classification" else "mIoU"
        before = measure(fp32_path, fp32_card)[figure]
        if before:
            echo(f"\n{path} keeps {accuracy[figure] / before:.2%} of its {figure}")
        accuracy = {figure: accuracy[figure], f"fp32 {figure}": before} | accuracy
    if write_card:
        accuracy["set"] = f"{write_card}, {accuracy['set']}"
        write(replace(card, accuracy=accuracy), path)


def _find(model: str) -> tuple[Path, Card]:
    from seaformer_edge.hub.card import read_card

    path = Path(model) if model.endswith(".safetensors") else resolve_model(model)
    return path, read_card(path)


def _segmentation(
    path: Path,
    card: Card,
    data: Path,
    dataset: str,
    split: str,
    ignore: int | None,
    size: tuple[int, int] | None,
) -> dict[str, Any]:
    from tqdm import tqdm

    from seaformer_edge.hub.class_list import ClassList
    from seaformer_edge.training.datasets import (
        IGNORE,
        SEGMENTATION,
        data_set,
    )
    from seaformer_edge.training.evaluate import predictions
    from seaformer_edge.training.label_check import check_labels
    from seaformer_edge.training.labelmap import class_colours, own_class_list
    from seaformer_edge.training.metrics import ConfusionMatrix

    rules = data_set(SEGMENTATION, dataset)
    ids, palette = rules.ids.copy(), None
    if rules.classes is None:
        own = own_class_list(data)
        if ignore is None and own is not None and own.names == card.classes:
            ignore = own.ignore_index
        palette, _ = class_colours(data, ClassList(card.classes, card.palette))
    if ignore is not None:
        ids[ignore] = IGNORE
    pairs = rules.pairs(data, split)
    labels = check_labels({"": pairs}, ids, card.num_classes, palette)
    ids, colours = labels.ids, labels.colours
    predict = _predictor(path, size or rules.input_size)
    matrix = ConfusionMatrix(card.num_classes)
    progress = tqdm(pairs, unit="picture", disable=None)
    for truth, predicted in predictions(predict, progress, ids, card.num_classes, colours):
        matrix.update(truth, predicted)
    by_class = {
        name: float(iou)
        for name, iou in zip(card.classes, matrix.iou, strict=True)
        if not np.isnan(iou)
    }
    for name, iou in by_class.items():
        echo(f"{name:16} {iou:.4f}")
    echo(f"{'mean IoU':16} {matrix.mean_iou:.4f}")
    echo(f"{'pixel accuracy':16} {matrix.pixel_accuracy:.4f}")
    echo(f"{'pictures':16} {len(pairs)}")
    lacking = [n for n, row in zip(card.classes, matrix.counts, strict=True) if not row.any()]
    if lacking:
        echo(f"no pixel of {', '.join(lacking)} in the labels", err=True)
    return {
        "mIoU": round(matrix.mean_iou, 4),
        "pixel accuracy": round(matrix.pixel_accuracy, 4),
        "set": f"{len(pairs)} pictures, at their full size",
        "IoU by class": {name: round(iou, 4) for name, iou in by_class.items()},
    }


def _classification(
    path: Path,
    card: Card,
    data: Path,
    dataset: str,
    split: str,
    size: tuple[int, int] | None,
) -> dict[str, Any]:
    from tqdm import tqdm

    from seaformer_edge.training.datasets import CLASSIFICATION, data_set
    from seaformer_edge.training.evaluate import centre_square
    from seaformer_edge.training.label_check import check_pictures
    from seaformer_edge.training.pictures import read_picture

    rules = data_set(CLASSIFICATION, dataset)
    samples = rules.samples(data, split, card.classes)
    if rules.classes is None:
        check_pictures([picture for picture, _ in samples])
    size = size or rules.input_size
    ranked = _ranker(path, size)
    side = min(size) if path.suffix == ".safetensors" else min(card.height, card.width)
    hits = np.zeros(2, dtype=np.int64)
    for picture, class_id in tqdm(samples, unit="picture", disable=None):
        best = ranked(centre_square(read_picture(picture), rules.centre, side))
        hits += class_id == best[0], class_id in best
    top_1, top_5 = hits / len(samples)
    echo(f"{'top-1':16} {top_1:.4f}")
    echo(f"{'top-5':16} {top_5:.4f}")
    echo(f"{'pictures':16} {len(samples)}")
    return {
        "top-1": round(float(top_1), 4),
        "top-5": round(float(top_5), 4),
        "set": f"{len(samples)} pictures",
    }


def _predictor(
    path: Path, size: tuple[int, int] | Callable[[int, int], tuple[int, int]]
) -> Predictor:
    if path.suffix == ".safetensors":
        from seaformer_edge.nn.checkpoint import load_checkpoint
        from seaformer_edge.training.evaluate import eager_predictor

        network, card = load_checkpoint(path)
        return eager_predictor(network, size, card.mean, card.std)
    from seaformer_edge.inference.segmenter import Segmenter

    segmenter = Segmenter.from_path(path)
    return lambda image: segmenter(image).label_map


def _ranker(path: Path, size: tuple[int, int]) -> Callable[[NDArray[np.uint8]], list[int]]:
    """A function from (H, W, 3) uint8 RGB to the ids of the five most probable classes."""
    if path.suffix == ".safetensors":
        from seaformer_edge.nn.checkpoint import load_checkpoint
        from seaformer_edge.training.evaluate import eager_classifier

        network, card = load_checkpoint(path)
        classify = eager_classifier(network, size, card.mean, card.std)
        return lambda image: list(np.argsort(-classify(image))[:5])
    from seaformer_edge.inference.segmenter import Classifier

    classifier = Classifier.from_path(path)
    return lambda image: [score.class_id for score in classifier(image, k=5).classes]
