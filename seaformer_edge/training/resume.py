"""`last.pt`: everything that a training stage needs to continue where it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from msgspec.structs import asdict, fields

from seaformer_edge.errors import ModelError
from seaformer_edge.files import exclusive, partial_path, publish
from seaformer_edge.hub.class_list import ClassList
from seaformer_edge.training.recipe import Stage

REQUIRED = frozenset({"recipe", "network", "average", "optimizer", "schedule", "step", "best"})

MAY_CHANGE = frozenset({"eval_size", "eval_every"})
"""Settings that may differ when a run is resumed: they do not affect the weights."""


@contextmanager
def only_run(run_dir: Path) -> Iterator[None]:
    """Make the folder of a run, and hold it for this run alone.

    Raises:
        ModelError: it cannot be made, or another run has it.
    """
    with ExitStack() as stack:
        try:
            run_dir.mkdir(parents=True, exist_ok=True)
            stack.enter_context(exclusive(run_dir / "lock"))
        except BlockingIOError as error:
            raise ModelError(
                f"{run_dir}: another training runs in this folder: give another folder"
            ) from error
        except OSError as error:
            raise ModelError(
                f"{run_dir}: cannot be made a folder ({error.strerror}): give another"
            ) from error
        yield


def run_settings(stage: Stage, classes: ClassList) -> dict[str, Any]:
    """What must be the same when a run is resumed."""
    return {
        "recipe": asdict(stage),
        "classes": {"names": classes.names, "ignore_index": classes.ignore_index},
    }


def write_state(state: dict[str, Any], path: Path) -> None:
    """Write last.pt; a previous one stays complete if that fails.

    Raises:
        ModelError: it cannot be written.
    """
    temporary = partial_path(path)
    try:
        torch.save(state, temporary)
        publish(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if not isinstance(error, OSError | RuntimeError):  # PyTorch's writer raises the latter
            raise
        reason = getattr(error, "strerror", None) or "is the disk full?"
        raise ModelError(f"{path}: cannot be written ({reason})") from error


def read_state(
    path: Path, stage: Stage, classes: ClassList, device: torch.device
) -> dict[str, Any]:
    """Read last.pt of a run with this stage and these classes.

    Raises:
        ModelError: the run has another recipe or class list, or the file is damaged or not of
            a training run.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # the restricted reader raises many kinds
        raise ModelError(
            f"{path}: damaged, or not written by a training run: remove it or give another folder"
        ) from error
    if not isinstance(state, dict) or not state.keys() >= REQUIRED:
        raise ModelError(f"{path}: not written by a training run: give another folder")
    ours = run_settings(stage, classes)
    # An older run lacks newer settings, which had their defaults then, and its class list.
    defaults = {field.name: field.default for field in fields(Stage) if not field.required}
    theirs = {"recipe": defaults | state["recipe"], "classes": state.get("classes", {})}
    for key, kind in (("recipe", "recipe"), ("classes", "class list")):
        changed = [
            name
            for name, value in theirs[key].items()
            if name not in MAY_CHANGE and (name not in ours[key] or ours[key][name] != value)
        ]
        if changed:
            raise ModelError(
                f"{path}: this run was started with another {kind} ({', '.join(changed)} changed):"
                f" give the old {kind} or another folder"
            )
    return state
