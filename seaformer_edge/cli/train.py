"""`seaformer-edge train`: train a network as a recipe says."""

from __future__ import annotations

from pathlib import Path

import click

from seaformer_edge.cli.completers import complete_recipes
from seaformer_edge.cli.interrupt import stop_on_signals
from seaformer_edge.cli.models import need_torch
from seaformer_edge.cli.options import debug_option, file_path, thread_count
from seaformer_edge.cli.output import echo


@click.command()
@click.argument("recipe", required=False, shell_complete=complete_recipes)
@click.option("--recipe", "recipe_option", metavar="RECIPE", help="The same as the argument.")
@click.option("--data", type=file_path, required=True, help="Folder of the data set.")
@click.option(
    "-o", "--output", type=file_path, required=True, help="Folder of the run; resumed if it exists."
)
@click.option(
    "--classes",
    type=file_path,
    help="Class list: .json, .txt of one name a line, _classes.csv or data.yaml. Default: the"
    " recipe's, or that in DATA (classes.json, _classes.csv, labelmap.txt or classes.txt).",
)
@click.option(
    "--warm-start",
    "--initial",
    type=file_path,
    metavar="CHECKPOINT",
    help="Checkpoint (.safetensors) to start from, of the same variant or a smaller one."
    " --initial is its old name.",
)
@click.option(
    "--workers",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Processes that read pictures.",
)
@click.option(
    "--threads", type=thread_count, help="CPU threads of the network. Default: all cores."
)
@debug_option
def train(
    recipe: str | None,
    recipe_option: str | None,
    data: Path,
    output: Path,
    classes: Path | None,
    warm_start: Path | None,
    workers: int,
    threads: int | None,
) -> None:
    """Train the network of RECIPE. Needs the train extra.

    RECIPE is the name of a recipe that comes with the package (everyday, finetune, ...) or a TOML
    file. Its stages run one after the other; the same command resumes an interrupted run. Ctrl-C
    ends the run after the current step, twice at once.

    The data set has the layout that the recipe names. For your own pictures that is
    {train,val}/{images,labels}; without val a tenth of the pictures is used for validation. For a
    classifier it is {train,val}/CLASS/*, with the names of the class list.

    OUTPUT/final.safetensors holds the averaged weights of the last step, OUTPUT/best.safetensors
    those with the best validation score.

    On several processes or machines: torchrun --nproc-per-node 4 -m seaformer_edge train ...
    """
    if (recipe is None) == (recipe_option is None):
        raise click.UsageError("give one recipe, as RECIPE or as --recipe RECIPE")
    need_torch()
    import torch

    from seaformer_edge.errors import ModelError, SourceError
    from seaformer_edge.hub.card import read_card
    from seaformer_edge.hub.class_list import read_class_list
    from seaformer_edge.hub.paths import shipped_models_dir
    from seaformer_edge.training.distributed import is_first_process
    from seaformer_edge.training.labelmap import own_class_list
    from seaformer_edge.training.recipe import find_recipe, read_recipe
    from seaformer_edge.training.stages import train_stages

    if threads:
        torch.set_num_threads(threads)
    path = find_recipe(recipe or recipe_option or "")
    stages = read_recipe(path)
    if not data.is_dir():
        raise SourceError(f"{data}: no such folder")
    if classes is None:
        packaged = shipped_models_dir() / "classes" / f"{stages[0].classes}.json"
        class_list = read_class_list(packaged) if packaged.is_file() else own_class_list(data)
        if class_list is None:
            raise ModelError(
                f"{data}: no class list in it, and none is called {stages[0].classes!r}: give"
                f" --classes FILE, or write the names into {data / 'classes.json'},"
                ' e.g. ["background", "person"]'
            )
    else:
        class_list = read_class_list(classes)
    train_stages(stages, class_list, data, output, warm_start, workers, stop_on_signals)
    best = output / "best.safetensors"
    if is_first_process() and best.is_file():
        metric, score = next(iter(read_card(best).accuracy.items()))
        echo(f"{best}: validation {metric} {score:.4f}")
