"""`last.pt`: everything a training run needs to go on where it was."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

import torch

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.class_list import ClassList
from seaformer_edge.training.recipe import Recipe

ENTRIES = frozenset({"recipe", "network", "average", "optimizer", "schedule", "step", "best"})

MEASURING = frozenset({"eval_size", "eval_every"})
"""Entries of a recipe that may change in the midst of a run: they train nothing."""


def begun_with(recipe: Recipe, classes: ClassList) -> dict[str, Any]:
    """What a run is begun with, and must be resumed with."""
    return {
        "recipe": asdict(recipe),
        "classes": {"names": classes.names, "ignore_index": classes.ignore_index},
    }


def write_state(state: dict[str, Any], path: Path) -> None:
    """Write last.pt; the previous one stays whole if that fails.

    Raises:
        ModelError: it cannot be written.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        torch.save(state, temporary)
        temporary.replace(path)
    except (OSError, RuntimeError) as error:  # PyTorch's writer raises the latter
        with suppress(OSError):
            temporary.unlink()
        reason = getattr(error, "strerror", None) or "is the disk full?"
        raise ModelError(f"{path}: cannot be written ({reason})") from error


def read_state(
    path: Path, recipe: Recipe, classes: ClassList, device: torch.device
) -> dict[str, Any]:
    """Read last.pt of a run that was begun with this recipe and these classes.

    Raises:
        ModelError: it was begun with others, or the file is damaged or another program's.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # the restricted reader raises whatever it stumbles over
        raise ModelError(
            f"{path}: damaged, or not of a training run: remove it or give another folder"
        ) from error
    if not isinstance(state, dict) or not state.keys() >= ENTRIES:
        raise ModelError(f"{path}: not of a training run: give another folder")
    ours = begun_with(recipe, classes)
    # What an older run's recipe did not have yet was as it is by default. It kept no classes.
    defaults = {f.name: f.default for f in fields(Recipe) if f.default is not MISSING}
    theirs = {"recipe": defaults | state["recipe"], "classes": state.get("classes", {})}
    for key, kind in (("recipe", "recipe"), ("classes", "class list")):
        changed = [
            name
            for name, value in theirs[key].items()
            if name not in MEASURING and (name not in ours[key] or ours[key][name] != value)
        ]
        if changed:
            raise ModelError(
                f"{path}: this run was begun with another {kind}; {', '.join(changed)} differ:"
                f" give the old {kind} or another folder"
            )
    return state
