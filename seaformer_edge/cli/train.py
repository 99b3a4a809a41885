"""`seaformer-edge train`: a network by a recipe."""

from __future__ import annotations

from pathlib import Path

import click

from seaformer_edge.cli.models import need_torch
from seaformer_edge.cli.options import debug_option, file_path


@click.command()
@click.argument("recipe", type=file_path)
@click.option("--data", type=file_path, required=True, help="Folder of the data set.")
@click.option(
    "-o", "--output", type=file_path, required=True, help="Folder of the run; resumed if begun."
)
@click.option(
    "--classes", type=file_path, help="Class list (JSON). Default: the recipe's shipped one."
)
@click.option(
    "--initial",
    type=file_path,
    help="Checkpoint (.safetensors) to start from, of the same variant or a smaller one.",
)
@click.option("--workers", default=1, show_default=True, help="Processes that read pictures.")
@click.option("--threads", type=int, help="CPU threads of the network. Default: all cores.")
@debug_option
def train(
    recipe: Path,
    data: Path,
    output: Path,
    classes: Path | None,
    initial: Path | None,
    workers: int,
    threads: int | None,
) -> None:
    """Train by RECIPE (a TOML file, see scripts/recipes/). Needs the train extra.

    DATA is laid out as the recipe's data set is; your own as {train,val}/{images,labels}, or
    {images,labels} of which a tenth is held out; for a classifier {train,val}/CLASS/*, a folder
    for each class and called as it is in the class list. The averaged weights with the best
    validation score end as OUTPUT/best.safetensors.

    On several processes or machines: torchrun --nproc-per-node 4 -m seaformer_edge train ...
    """
    need_torch()
    import torch

    from seaformer_edge.hub.class_list import read_class_list
    from seaformer_edge.hub.paths import shipped_models_dir
    from seaformer_edge.training.recipe import read_recipe
    from seaformer_edge.training.train import Trainer

    if threads:
        torch.set_num_threads(threads)
    plan = read_recipe(recipe)
    class_list = read_class_list(classes or shipped_models_dir() / f"classes/{plan.classes}.json")
    trainer = Trainer(plan, class_list, data, output, initial, workers)
    best = trainer.run()
    if trainer.fabric.is_global_zero:
        metric = trainer.task.metric
        click.echo(f"{output / 'best.safetensors'}: validation {metric} {best:.4f}")
