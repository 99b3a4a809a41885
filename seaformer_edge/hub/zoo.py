"""Find model files by name: shipped programs, fetched programs, and paths."""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seaformer_edge.errors import ModelError, reading, suggestion
from seaformer_edge.files import atomic_write, changing
from seaformer_edge.hub.card import Card, card_path, check_is_file, read_card
from seaformer_edge.hub.json_file import read_json
from seaformer_edge.hub.paths import shipped_models_dir, user_models_dir, writable_models_dir
from seaformer_edge.hub.pretrained import PUBLISHED
from seaformer_edge.machine.cpu import computes_in_fp16

DEFAULT_MODEL = "seaformer-t-everyday"

MIN_KEPT_ACCURACY = 0.995
"""A lower precision is selected for a model's plain name only if it keeps this much of fp32's."""

PRECISIONS_FILE = "precisions.json"
"""File in the user's models folder: the precision that a model's plain name stands for."""

log = logging.getLogger(__name__)


def shipped_programs() -> dict[str, Path]:
    """The .pte programs shipped with the package, by name, sorted."""
    return _programs(shipped_models_dir())


def fetched_programs() -> dict[str, Path]:
    """The programs in the user's models folder, by name, sorted; none if it does not exist.

    Raises:
        ModelError: this user has no home folder, or the models folder cannot be read.
    """
    return _programs(user_models_dir())


def _programs(folder: Path) -> dict[str, Path]:
    try:
        os.stat(f"{folder}/.")  # noqa: PTH116  # fails if the folder may not be entered
        paths = sorted(folder.iterdir(), key=lambda path: path.stem)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ModelError(f"{folder}: models cannot be read there ({error.strerror})") from error
    return {path.stem: path for path in paths if path.suffix == ".pte"}


def installed_programs() -> dict[str, Path]:
    """The shipped and the fetched programs, by name; a shipped program wins over a fetched one.

    Without a readable models folder of the user, only those that are shipped.
    """
    fetched: dict[str, Path] = {}
    with suppress(ModelError):
        fetched = fetched_programs()
    shipped = shipped_programs()
    return shipped | {name: path for name, path in fetched.items() if name not in shipped}


def installed_cards() -> dict[str, Card]:
    """The cards of the installed programs, by name; an invalid card is skipped with a warning."""
    cards = {}
    for name, path in installed_programs().items():
        try:
            with reading(path):
                if card_path(path).is_file():
                    cards[name] = read_card(path)
        except ModelError as error:
            log.warning("%s", error)
    return cards


@dataclass(frozen=True, slots=True)
class Selection:
    """A program and why it was selected.

    Attributes:
        path: the .pte file.
        reason: one clause for people; empty if the program was named exactly.
    """

    path: Path
    reason: str = ""


def resolve_model(model: str | None) -> Path:
    """The .pte file for a `--model` argument; see `select_program`."""
    return select_program(model).path


def select_program(model: str | None) -> Selection:
    """The program for a `--model` argument.

    NAME-fp32, NAME-fp16 and NAME-int8 are the programs of one model in these precisions. NAME alone
    is the fp16 program on a processor that computes in fp16, if the model keeps
    `MIN_KEPT_ACCURACY` in it, and else the fp32 program; or the precision that
    `remember_precision` has stored.

    Args:
        model: the name of an installed program, the path of a .pte, or None for the default.

    Raises:
        ModelError: there is no such program; the message says how to fetch it or lists the names.
    """
    programs = installed_programs()
    name = model or DEFAULT_MODEL
    if name in programs:
        return _best_precision(name, programs)
    if (base := name.removesuffix("-fp32")) in programs:
        return Selection(programs[base])
    path = Path(name)
    if path.suffix == ".pte":
        check_is_file(path)
        return Selection(path)
    for precision in ("fp16", "int8"):
        if (other := programs.get(f"{name}-{precision}")) is not None:
            card = read_card(other)
            raise ModelError(
                f"{name}: only its {precision} program is installed; use {name}-{precision}, or"
                f" export the checkpoint of the repository: seaformer-edge models export"
                f" models/{name}.safetensors -o {name}.pte --size {card.width}x{card.height}"
            )
    try:
        fetched_programs()
    except ModelError as error:
        raise ModelError(f"{name}: not among the shipped models; {error}") from error
    if name in PUBLISHED:
        raise ModelError(f"{name}: not fetched yet; run 'seaformer-edge models fetch {name}'")
    known = f"known are {', '.join(programs) or 'none'}, or give a .pte file"
    hint = suggestion(name, [*programs, *PUBLISHED], known)
    raise ModelError(f"{name}: unknown model; {hint}")


def _best_precision(name: str, programs: dict[str, Path]) -> Selection:
    fp32 = programs[name]
    remembered = _remembered_precisions().get(name)
    if remembered == "fp32":
        return Selection(fp32, "fp32, as `profile --remember` stored")
    if remembered and (path := programs.get(f"{name}-{remembered}")):
        return Selection(path, f"{remembered}, as `profile --remember` stored")
    fp16 = programs.get(f"{name}-fp16")
    if fp16 is None:
        return Selection(fp32)
    if not computes_in_fp16():
        return Selection(fp32, "fp32, because fp16 is not faster on this processor")
    kept = _kept_accuracy(fp16)
    if kept is None:
        return Selection(fp32, "fp32, because the accuracy of its fp16 program is not measured")
    if kept < MIN_KEPT_ACCURACY:
        return Selection(fp32, f"fp32, because fp16 keeps only {kept:.1%} of its accuracy")
    return Selection(fp16, f"fp16, because this processor computes in it; keeps {kept:.2%}")


def _kept_accuracy(program: Path) -> float | None:
    """A program's accuracy as a fraction of its fp32 program's, by its card; None if not there."""
    try:
        accuracy = read_card(program).accuracy
    except ModelError as error:
        log.warning("%s", error)
        return None
    for name in ("mIoU", "top-1"):
        kept, whole = accuracy.get(name), accuracy.get(f"fp32 {name}")
        if isinstance(kept, float) and isinstance(whole, float) and whole > 0:
            return kept / whole
    return None


def model_of(program: str) -> str:
    """The name of a program's model: the program's name without its precision."""
    return program.removesuffix("-fp16").removesuffix("-int8")


def remember_precision(name: str, precision: str) -> Path:
    """Store which precision the model `name` stands for on this machine, and return the file.

    Raises:
        ModelError: the file cannot be written.
    """
    path = writable_models_dir() / PRECISIONS_FILE
    try:
        with changing(path):
            text = json.dumps({**_remembered_precisions(), name: precision}, indent=1) + "\n"
            atomic_write(path, text.encode())
    except OSError as error:
        raise ModelError(f"{path}: cannot be written ({error.strerror})") from error
    return path


def _remembered_precisions() -> dict[str, str]:
    try:
        path = user_models_dir() / PRECISIONS_FILE
    except ModelError:  # no home folder
        return {}
    if not os.access(path, os.R_OK):
        return {}
    try:
        return read_json(path, dict[str, str], "stored precisions")
    except (FileNotFoundError, ModelError) as error:
        log.warning("%s", error)
        return {}
