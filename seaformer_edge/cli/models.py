"""`seaformer-edge models`: list, info, fetch, import, export."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seaformer_edge.cli.completers import complete_models
from seaformer_edge.cli.options import Choice, CommandGroup, debug_option, file_path
from seaformer_edge.cli.output import echo, echo_error
from seaformer_edge.cli.sizes import confirm_size, parse_size, yes_option
from seaformer_edge.errors import ModelError, reading
from seaformer_edge.hub.card import card_path, check_is_file, read_card
from seaformer_edge.hub.paths import user_models_dir
from seaformer_edge.hub.pretrained import PUBLISHED
from seaformer_edge.hub.zoo import (
    DEFAULT_MODEL,
    Selection,
    fetched_programs,
    installed_cards,
    select_program,
)
from seaformer_edge.machine.extras import install_extra

if TYPE_CHECKING:
    from seaformer_edge.hub.card import Card


@click.group(cls=CommandGroup)
def models() -> None:
    """List, show, fetch, import and export models."""


@models.command("list")
@debug_option
def list_models() -> None:
    """List the installed models, and the published ones that 'fetch' downloads."""
    cards = installed_cards()
    try:
        fetched_programs()
    except ModelError as error:
        echo_error(f"seaformer-edge: only the shipped models are listed: {error}")
    published = {name: entry for name, entry in PUBLISHED.items() if name not in cards}
    labels = {name: f"{name} (default)" if name == DEFAULT_MODEL else name for name in cards}
    width = max(map(len, [*labels.values(), *published, "PUBLISHED"]))

    def echo_row(name: str, size: str, classes: int | str, accuracy: str) -> None:
        echo(f"{name:{width}}  {size:9} {classes:>7}  {accuracy}")

    echo_row("INSTALLED", "INPUT", "CLASSES", "ACCURACY")
    for name, card in cards.items():
        size = f"{card.width}x{card.height}"
        echo_row(labels[name], size, card.num_classes, _headline(card))
    if not published:
        return
    echo("")
    echo_row("PUBLISHED", "INPUT", "CLASSES", "ACCURACY AS PUBLISHED")
    for name, entry in published.items():
        size = f"{entry.width}x{entry.height}"
        echo_row(name, size, len(entry.classes().names), entry.figure)
    echo("\n'seaformer-edge models fetch NAME' installs a published one.")


@models.command()
@click.argument("model", shell_complete=complete_models)
@click.option("--json", "as_json", is_flag=True, help="Print the model card as JSON.")
@debug_option
def info(model: str, as_json: bool) -> None:
    """Show the card of MODEL: an installed name, a .pte or a .safetensors file.

    The file is compared with its card.
    """
    from seaformer_edge.hub.card import verify

    path = Path(model)
    selection = Selection(path) if path.suffix == ".safetensors" else select_program(model)
    card = verify(selection.path)
    if as_json:
        echo(json.dumps(asdict(card), indent=1))
        return
    rows = {
        "name": card.name,
        "network": f"{card.architecture} {card.variant}, {card.task}, {card.precision}",
        "selected": selection.reason,
        "input": f"{card.width}x{card.height}" if card.width else "any multiple of 32",
        "classes": f"{card.num_classes}: {', '.join(card.classes)}",
        "accuracy": _accuracy(card),
        "origin": card.origin,
        "data": card.data,
        "licence": card.licence,
        "file": f"{card.size} bytes, sha256 {card.sha256}",
        "made with": ", ".join(f"{k} {v}" for k, v in card.versions.items()),
    }
    for key, value in rows.items():
        if value:
            echo(f"{key + ':':10} {value}")


@models.command()
@click.argument("name", type=Choice(list(PUBLISHED)), metavar="NAME")
@debug_option
def fetch(name: str) -> None:
    """Download the published model NAME, convert and export it; 'list' shows the names.

    Afterwards use it as '-m NAME'. An interrupted download is resumed. Exporting takes a minute
    or more. Needs the train extra.
    """
    need_torch()
    from tqdm import tqdm

    from seaformer_edge.export.fetch import export_published, fetch_checkpoint, is_sound

    program = user_models_dir() / f"{name}.pte"
    if is_sound(program):
        echo(f"{program}: already fetched")
        return
    with tqdm(unit="B", unit_scale=True, desc=name, disable=None) as bar:

        def show(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        checkpoint = fetch_checkpoint(name, show)
    echo(f"{checkpoint}: the checkpoint, for fine-tuning and export at other sizes")
    card = export_published(name, checkpoint)
    echo(
        f"{program}: one XNNPACK delegate, input {card.width}x{card.height}, {card.size} bytes;"
        f" terms: {card.licence}"
    )


@models.command("import")
@click.argument("checkpoint", type=file_path)
@click.option(
    "-o", "--output", type=file_path, help="Default: CHECKPOINT with the ending .safetensors."
)
@click.option("--classes", type=file_path, help="Class list (JSON) with names and colours.")
@click.option("--overwrite", is_flag=True, help="Replace an existing output.")
@debug_option
def import_model(
    checkpoint: Path, output: Path | None, classes: Path | None, overwrite: bool
) -> None:
    """Convert a published SeaFormer CHECKPOINT (mmsegmentation, timm) to safetensors and a card.

    Variant and number of classes are read from the tensors. Needs the train extra.
    """
    need_torch()
    from seaformer_edge.hub.class_list import read_class_list
    from seaformer_edge.nn.checkpoint import save_checkpoint
    from seaformer_edge.nn.import_published import import_checkpoint

    check_is_file(checkpoint)
    output = output or checkpoint.with_suffix(".safetensors")
    _refuse_existing(output, overwrite)
    class_list = read_class_list(classes) if classes else None
    network, card = import_checkpoint(checkpoint, output.stem, class_list)
    card = save_checkpoint(network, card, output)
    echo(
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
    metavar="WIDTHxHEIGHT",
    help="Input size; rounded to multiples of 32.",
)
@yes_option
@click.option(
    "--precision",
    type=Choice(("fp32", "fp16", "int8")),
    default="fp32",
    show_default=True,
    help="fp16 is for processors that compute in it (Raspberry Pi 5, Jetson Orin, Apple Silicon); "
    "int8 needs --calibrate.",
)
@click.option("--int8", is_flag=True, help="The same as --precision int8.")
@click.option(
    "--calibrate",
    type=file_path,
    metavar="FOLDER",
    help="Pictures like the training pictures, to measure the ranges of int8 on.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing output.")
@debug_option
def export(
    checkpoint: Path,
    output: Path,
    size: str,
    yes: bool,
    precision: str,
    int8: bool,
    calibrate: Path | None,
    overwrite: bool,
) -> None:
    """Export CHECKPOINT (.safetensors with its card) to a .pte program for the runtime.

    Takes a minute, int8 several. Needs the train extra.
    """
    precision = "int8" if int8 else precision
    if (precision == "int8") != (calibrate is not None):
        raise click.UsageError("int8 needs --calibrate FOLDER, and --calibrate is for int8")
    need_torch()
    from seaformer_edge.export.program import export as export_program
    from seaformer_edge.nn.checkpoint import load_checkpoint

    height, width = parse_size(size)
    _refuse_existing(output, overwrite)
    if not yes:
        height, width = confirm_size((height, width), read_card(checkpoint))
    network, card = load_checkpoint(checkpoint)
    card = export_program(
        network, card, height, width, output, precision=precision, calibrate=calibrate
    )
    echo(
        f"{output}: {card.precision}, one XNNPACK delegate, input {card.width}x{card.height},"
        f" {card.size} bytes"
    )


def _headline(card: Card) -> str:
    """The first figure and the first word of its data set, for a row of 80 columns."""
    figures = [(name, value) for name, value in card.accuracy.items() if isinstance(value, float)]
    if not figures:
        return _accuracy(card)
    (name, value), *_ = figures
    data_set, *_ = str(card.accuracy.get("set", "unnamed")).replace(",", " ").split(maxsplit=1)
    return f"{name} {value:.3f} ({data_set})"


def _accuracy(card: Card) -> str:
    if not card.accuracy:
        published = PUBLISHED.get(card.name)
        return f"not measured; published: {published.figure}" if published else "not measured"
    figures = [
        f"{name} {value:.3f}" for name, value in card.accuracy.items() if isinstance(value, float)
    ]
    return f"{', '.join(figures)} ({card.accuracy.get('set', 'data set not named')})"


def need_torch(*more: str) -> None:
    """Raise ModelError, with what to install, where the train extra or a module is missing."""
    from importlib.util import find_spec

    names = ("torch", "executorch", "safetensors", *more)
    if missing := [name for name in names if not find_spec(name)]:
        raise ModelError(
            f"needs {', '.join(missing)}: install the train extra, {install_extra('train')}"
        )


def _refuse_existing(output: Path, overwrite: bool) -> None:
    for path in (output, card_path(output)):
        with reading(path):
            exists = path.exists()
        if exists and not overwrite:
            raise ModelError(f"{path}: already exists; add --overwrite to replace it")
