"""The stages of a recipe, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from seaformer_edge.errors import ModelError
from seaformer_edge.files import atomic_write_together
from seaformer_edge.hub.card import card_path
from seaformer_edge.hub.class_list import ClassList
from seaformer_edge.training.distributed import is_first_process
from seaformer_edge.training.interruption import Stopping, never
from seaformer_edge.training.recipe import Stage
from seaformer_edge.training.resume import read_state
from seaformer_edge.training.train import Trainer

RESULTS = ("best.safetensors", "final.safetensors")


def train_stages(
    stages: Sequence[Stage],
    classes: ClassList,
    data_root: Path,
    run_dir: Path,
    warm_start: Path | None = None,
    workers: int = 1,
    stopping: Stopping = never,
) -> None:
    """Train the stages of a recipe, each from the last averaged weights of the one before.

    The files of the only stage lie in `run_dir`; of several stages in `run_dir`/stage-1,
    stage-2, ..., and the results of the last one are copied to `run_dir`. Repeating the call
    resumes it: a finished stage is skipped, an interrupted one continues at its step.

    Args:
        warm_start: checkpoint from which the first stage starts.
        stopping: see `Trainer.run`.

    The others are those of `Trainer`, which also describes the files.

    Raises:
        ModelError: a stage was started with other settings, or see `Trainer`.
        SourceError: see `Trainer`.
    """
    if len(stages) == 1:
        Trainer(stages[0], classes, data_root, run_dir, warm_start, workers).run(stopping)
        return
    folders = [run_dir / f"stage-{number}" for number in range(1, len(stages) + 1)]
    # Another recipe is refused here, not after the hours of the stages before.
    states = [_state(*pair, classes) for pair in zip(folders, stages, strict=True)]
    origin = None
    for number, (stage, folder, state) in enumerate(zip(stages, folders, states, strict=True), 1):
        if state is not None and state[0] == stage.steps and _is_complete(folder):
            origin = state[1]
        else:
            trainer = Trainer(stage, classes, data_root, folder, warm_start, workers, origin)
            if trainer.fabric.is_global_zero:
                tqdm.write(f"stage {number} of {len(stages)}: {stage.steps} steps")
            trainer.run(stopping)
            origin = trainer.origin
            del trainer  # its memory, before the next one is built
        warm_start = folder / "final.safetensors"
    if is_first_process():
        _copy_results(folders[-1], run_dir)


def _state(folder: Path, stage: Stage, classes: ClassList) -> tuple[int, str] | None:
    """Step and origin of a stage that was started; None if it was not."""
    path = folder / "last.pt"
    if not path.exists():
        return None
    state = read_state(path, stage, classes, torch.device("cpu"))
    return state["step"], state["origin"]


def _is_complete(folder: Path) -> bool:
    final = folder / "final.safetensors"
    return final.exists() and card_path(final).exists()


def _copy_results(source: Path, target: Path) -> None:
    files = [path for name in RESULTS for path in (source / name, card_path(source / name))]
    try:
        atomic_write_together({target / p.name: p.read_bytes() for p in files if p.exists()})
    except OSError as error:
        raise ModelError(f"{target}: results cannot be written ({error.strerror})") from error
