"""The model card: what a .pte program or a checkpoint is, as JSON beside it.

The program `street.pte` has its card in `street.json`, the checkpoint `street.safetensors` in
`street.safetensors.json`. Nothing native opens a program before its card has vouched for it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from seaformer_edge.errors import ModelError

FORMAT = 1
"""Version of the card's format; a card of another one is refused."""

TASKS = ("segmentation", "classification")
PRECISIONS = ("fp32", "int8")


@dataclass(frozen=True)
class Card:
    """What a model file holds and where it comes from.

    Attributes:
        name: of the model, e.g. "seaformer-t-camvid".
        task: "segmentation" or "classification".
        variant: of the architecture, e.g. "T", "S", "B" or "L" of SeaFormer.
        precision: "fp32" or "int8".
        height, width: the network's input size; 0 for a checkpoint, which takes any
            multiple of 32.
        mean, std: normalisation of RGB 0..255; a program does it inside.
        classes: names of the class ids 0, 1, 2, ...
        palette: RGB 0..255, one colour a class.
        logit_channels: channels of the program's output; those past the classes repeat
            class 0 and carry nothing.
        origin: where the weights come from.
        data: what they were trained on.
        licence: terms of the weights.
        architecture: name of the network; cards written before this entry existed are SeaFormer.
        accuracy: measured figures by name, with the protocol, e.g.
            {"mIoU": 0.55, "set": "CamVid test, 233 pictures, 480x360"}.
        sha256, size: of the file the card stands beside (bytes).
        versions: of the packages that made it.
    """

    name: str
    task: str
    variant: str
    precision: str
    height: int
    width: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    classes: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    logit_channels: int
    origin: str
    data: str
    licence: str
    architecture: str = "seaformer"
    accuracy: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""
    size: int = 0
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    def __post_init__(self) -> None:
        texts = ["name", "task", "variant", "precision", "origin", "data", "licence", "sha256"]
        texts.append("architecture")
        numbers = ("height", "width", "logit_channels", "size")
        kinds: dict[str, type] = {"accuracy": dict, "versions": dict}
        kinds |= dict.fromkeys(texts, str) | dict.fromkeys(numbers, int)
        if odd := [name for name, kind in kinds.items() if type(getattr(self, name)) is not kind]:
            raise ValueError(f"the wrong kind of value: {', '.join(odd)}")
        problems = [
            (self.task not in TASKS, f"task {self.task!r}"),
            (self.precision not in PRECISIONS, f"precision {self.precision!r}"),
            (len(self.mean) != 3 or len(self.std) != 3, "mean and std take three numbers"),
            (not self.classes, "no classes"),
            (len(self.palette) != len(self.classes), "as many colours as classes are needed"),
            (any(len(colour) != 3 for colour in self.palette), "a colour is three numbers"),
            (any(not 0 <= c <= 255 for rgb in self.palette for c in rgb), "colours go to 255"),
            (self.logit_channels < len(self.classes), "fewer logits than classes"),
            (self.height < 0 or self.width < 0, "negative size"),
        ]
        if wrong := [text for is_wrong, text in problems if is_wrong]:
            raise ValueError("; ".join(wrong))


def card_path(model: Path) -> Path:
    """Where the card of a program or checkpoint stands."""
    stem = model.stem if model.suffix == ".pte" else model.name
    return model.with_name(f"{stem}.json")


def write_card(card: Card, model: Path) -> Card:
    """Fill in the model file's size and sha256, write the card beside it, return it."""
    return place(model, card, model)


def place(finished: Path, card: Card, model: Path) -> Card:
    """Give a file that is whole its name `model`, and a card beside it.

    The card lies ready before either has its name, so that a process that is killed all but
    never leaves one without the other; if it does, `verify` refuses them.
    """
    values = asdict(card) | {"sha256": file_sha256(finished), "size": finished.stat().st_size}
    card = Card(**values)
    temporary = card_path(model).with_name(card_path(model).name + ".tmp")
    temporary.write_text(json.dumps({"format": FORMAT} | asdict(card), indent=1) + "\n")
    finished.replace(model)
    temporary.replace(card_path(model))
    return card


def read_card(model: Path) -> Card:
    """Read the card beside a model file, without looking at the file itself.

    Raises:
        ModelError: the card is missing, is no card, or is of another format.
    """
    path = card_path(model)
    try:
        entries = json.loads(path.read_text())
        if entries.pop("format", None) != FORMAT:
            raise ModelError(
                f"{path}: a card of another format than {FORMAT}; export the model again"
            )
        known = {f.name for f in fields(Card)}
        if unknown := sorted(entries.keys() - known):
            raise ModelError(f"{path}: unknown entries {', '.join(unknown)}")
        entries["mean"] = tuple(float(v) for v in entries["mean"])
        entries["std"] = tuple(float(v) for v in entries["std"])
        entries["classes"] = tuple(str(v) for v in entries["classes"])
        entries["palette"] = tuple(tuple(int(c) for c in v) for v in entries["palette"])
        return Card(**entries)
    except FileNotFoundError as error:
        raise ModelError(f"{model}: its card {path.name} is missing beside it") from error
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from error
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise ModelError(f"{path}: not a model card ({error})") from error


def verify(model: Path) -> Card:
    """Read the card and make sure that the file is the one it vouches for.

    Raises:
        ModelError: the file or its card is missing, or the file is truncated or altered.
    """
    if not model.is_file():
        raise ModelError(f"{model}: no such model file")
    card = read_card(model)
    size = model.stat().st_size
    if size != card.size:
        how = "truncated" if size < card.size else "altered"
        raise ModelError(
            f"{model}: {how}: {size} bytes, but its card says {card.size}; export or fetch it again"
        )
    if file_sha256(model) != card.sha256:
        raise ModelError(
            f"{model}: altered: its sha256 is not the card's; export or fetch it again"
        )
    return card


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
