"""`seaformer-edge models`: list, info, import, export."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seaformer_edge.cli.options import debug_option, file_path
from seaformer_edge.errors import ModelError
from seaformer_edge.zoo import DEFAULT_MODEL, resolve_model, shipped_cards

if TYPE_CHECKING:
    from seaformer_edge.card import Card


@click.group()
def models() -> None:
    """See, import and export models."""


@models.command("list")
@debug_option
def list_models() -> None:
    """The models that come with the package."""
    cards = shipped_cards()
    if not cards:
        raise ModelError("no models are installed; make one with 'models export'")
    width = max(map(len, cards))
    click.echo(f"{'NAME':{width}}  INPUT    CLASSES  PRECISION  ACCURACY")
    for name, card in cards.items():
        default = "  (default)" if name == DEFAULT_MODEL else ""
        size = f"{card.width}x{card.height}"
        click.echo(
            f"{name:{width}}  {size:7}  {card.num_classes:7}  {card.precision:9}  "
            f"{_accuracy(card)}{default}"
        )


@models.command()
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print the card as it is, in JSON.")
@debug_option
def info(model: str, as_json: bool) -> None:
    """What MODEL is: a shipped name, a .pte or a .safetensors file.

    The file is checked against its card.
    """
    from seaformer_edge.card import verify

    path = Path(model)
    card = verify(path if path.suffix == ".safetensors" else resolve_model(model))
    if as_json:
        click.echo(json.dumps(asdict(card), indent=1))
        return
    rows = {
        "name": card.name,
        "network": f"SeaFormer-{card.variant}, {card.task}, {card.precision}",
        "input": f"{card.width} x {card.height}" if card.width else "any multiple of 32",
        "classes": f"{card.num_classes}: {', '.join(card.classes)}",
        "accuracy": _accuracy(card),
        "origin": card.origin,
        "data": card.data,
        "licence": card.licence,
        "file": f"{card.size} bytes, sha256 {card.sha256}",
        "made with": ", ".join(f"{k} {v}" for k, v in card.versions.items()),
    }
    for key, value in rows.items():
        click.echo(f"{key + ':':10} {value}")


@models.command("import")
@click.argument("checkpoint", type=file_path)
@click.option(
    "-o", "--output", type=file_path, help="Default: the checkpoint's name, .safetensors."
)
@click.option("--classes", type=file_path, help="Class list (JSON) with names and colours.")
@click.option("--overwrite", is_flag=True, help="Replace an existing output.")
@debug_option
def import_model(
    checkpoint: Path, output: Path | None, classes: Path | None, overwrite: bool
) -> None:
    """Turn a published CHECKPOINT (mmsegmentation, timm) into a safetensors file and a card.

    Variant and class count are read from the tensors. Needs the train extra.
    """
    need_torch()
    from seaformer_edge.checkpoint import import_checkpoint, save_checkpoint
    from seaformer_edge.class_list import read_class_list

    output = output or checkpoint.with_suffix(".safetensors")
    _refuse_existing(output, overwrite)
    class_list = read_class_list(classes) if classes else None
    network, card = import_checkpoint(checkpoint, output.stem, class_list)
    card = save_checkpoint(network, card, output)
    click.echo(
        f"{output}: SeaFormer-{card.variant}, {card.task}, {card.num_classes} classes,"
        f" {card.size} bytes"
    )


@models.command()
@click.argument("checkpoint", type=file_path)
@click.option("-o", "--output", type=file_path, required=True, help="The program to write, .pte.")
@click.option(
    "--size",
    default="512x512",
    show_default=True,
    metavar="HxW",
    help="Input height and width; rounded to multiples of 32.",
)
@click.option("--int8", is_flag=True, help="Quantise to int8; needs --calibrate.")
@click.option(
    "--calibrate",
    type=file_path,
    metavar="FOLDER",
    help="Pictures like those trained on; some are run to measure int8's ranges.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing output.")
@debug_option
def export(
    checkpoint: Path, output: Path, size: str, int8: bool, calibrate: Path | None, overwrite: bool
) -> None:
    """Export CHECKPOINT (.safetensors with its card) to a .pte program for the runtime.

    Needs the train extra. Takes a minute.
    """
    if int8 != (calibrate is not None):
        raise click.UsageError("--int8 and --calibrate FOLDER go together")
    need_torch()
    from seaformer_edge.checkpoint import load_checkpoint
    from seaformer_edge.export import export as export_program
    from seaformer_edge.network import round_size
    from seaformer_edge.quantize import calibration_pictures

    wanted = parse_size(size)
    _refuse_existing(output, overwrite)
    rounded = round_size(*wanted)
    if rounded != wanted:
        click.echo(f"size rounded to {rounded[0]}x{rounded[1]}", err=True)
    network, card = load_checkpoint(checkpoint)
    calibration = calibration_pictures(calibrate) if calibrate else None
    card = export_program(network, card, *rounded, output, calibration)
    click.echo(
        f"{output}: {card.precision}, one XNNPACK delegate, {card.width}x{card.height} in,"
        f" {card.size} bytes"
    )


def _accuracy(card: Card) -> str:
    if not card.accuracy:
        return "not measured"
    figures = [
        f"{name} {value:.3f}" for name, value in card.accuracy.items() if isinstance(value, float)
    ]
    return f"{', '.join(figures)} ({card.accuracy.get('set', 'set not named')})"


def parse_size(text: str) -> tuple[int, int]:
    """ "480x640" to (480, 640), height first."""
    try:
        height, width = (int(length) for length in text.lower().split("x"))
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not HxW, e.g. 480x640", param_hint="--size"
        ) from None
    if min(height, width) < 1:
        raise click.BadParameter("height and width are at least 1", param_hint="--size")
    return height, width


def need_torch() -> None:
    """Raise ModelError, with what to install, where exporting or training cannot work."""
    from importlib.util import find_spec

    if missing := [name for name in ("torch", "executorch", "safetensors") if not find_spec(name)]:
        raise ModelError(
            f"needs {', '.join(missing)}: install the train extra,"
            " pip install 'seaformer-edge[train]'"
        )


def _refuse_existing(output: Path, overwrite: bool) -> None:
    if output.exists() and not overwrite:
        raise ModelError(f"{output}: exists already; give --overwrite to replace it")
