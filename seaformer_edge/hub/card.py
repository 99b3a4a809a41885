"""The model card: what a .pte program or a checkpoint is, as JSON beside it.

The program `street.pte` has its card in `street.json`, the checkpoint `street.safetensors` in
`street.safetensors.json`. A program is opened only after its size and sha256 match its card.
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from seaformer_edge.errors import ModelError, reading
from seaformer_edge.files import atomic_write_together, partial_path
from seaformer_edge.hub.class_list import Line, Names, Palette
from seaformer_edge.hub.json_file import parse_json, read_json, validate

FORMAT = 1
"""Version of the card's format; a card of another version is refused."""

WHAT = "a model card"

MAX_LABELS = 256
"""Class ids of a label map, which is uint8; a segmentation network has no more classes."""

Task = Annotated[str, Meta(pattern="^(segmentation|classification)$")]
PRECISIONS = ("fp32", "fp16", "int8")
Precision = Annotated[str, Meta(pattern=f"^({'|'.join(PRECISIONS)})$")]
Deviation = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=0)]
Side = Annotated[int, Meta(ge=0, le=16384)]
Figure = Annotated[float, Meta(ge=0, le=1)]
Accuracy = dict[str, Figure | str | dict[str, Figure]]


@dataclass(frozen=True)
class Card:
    """What a model file holds and where it comes from.

    Attributes:
        name: of the model, e.g. "seaformer-t-camvid".
        task: "segmentation" or "classification".
        variant: of the architecture, e.g. "T", "S", "B" or "L" of SeaFormer.
        precision: "fp32", "fp16" or "int8".
        height: of the network's input in pixels; 0 for a checkpoint, which takes any multiple
            of 32.
        width: the same.
        mean: of each channel of RGB 0..255, for normalisation; a program normalises inside.
        std: the standard deviations.
        classes: names of the class ids 0, 1, 2, ...
        palette: RGB 0..255, one colour for each class.
        logit_channels: channels of the program's output; those past the classes are padding,
            copies of class 0.
        origin: where the weights come from.
        data: what they were trained on.
        licence: terms of the weights.
        architecture: name of the network; cards written before this entry existed are SeaFormer.
        accuracy: measured figures, 0 to 1, by name; "set" names the data and the protocol, e.g.
            {"mIoU": 0.55, "set": "CamVid test, 233 pictures, 480x360"}. A figure may also be a
            mapping, such as "IoU by class".
        sha256: of the model file.
        size: of the model file, in bytes.
        versions: of the packages that wrote the model file.

    Raises:
        ValueError: fields do not fit together.
    """

    name: Line
    task: Task
    variant: Line
    precision: Precision
    height: Side
    width: Side
    mean: tuple[float, float, float]
    std: tuple[Deviation, Deviation, Deviation]
    classes: Names
    palette: Palette
    logit_channels: int
    origin: str
    data: str
    licence: str
    architecture: Line = "seaformer"
    accuracy: Accuracy = field(default_factory=dict)
    sha256: str = ""
    size: Count = 0
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    def __post_init__(self) -> None:
        problems = [
            (not all(map(math.isfinite, self.mean)), "mean: not finite"),
            (not all(map(math.isfinite, self.std)), "std: not finite"),
            (
                len(self.palette) != len(self.classes),
                f"palette: {len(self.palette)} colours for {len(self.classes)} classes",
            ),
            (
                self.logit_channels < len(self.classes),
                f"logit_channels: {self.logit_channels} for {len(self.classes)} classes",
            ),
            (not isinstance(self.accuracy.get("set", ""), str), "accuracy: 'set' is not a text"),
        ]
        if wrong := [text for is_wrong, text in problems if is_wrong]:
            raise ValueError("; ".join(wrong))


def check_classes(card: Card, path: Path) -> None:
    """Raise ModelError if a segmenter has more classes than a label map can hold."""
    if card.task == "segmentation" and card.num_classes > MAX_LABELS:
        raise ModelError(
            f"{path}: {card.num_classes} classes, but a label map holds at most {MAX_LABELS}"
        )


def card_path(model: Path) -> Path:
    """The path of the card of a program or checkpoint.

    Raises:
        ModelError: `model` has no name, as "." and "/".
    """
    if not model.name:
        raise ModelError(f"{model}: a folder; name a model file")
    stem = model.stem if model.suffix == ".pte" else model.name
    return model.with_name(f"{stem}.json")


def write_model(model: Path, data: bytes, card: Card) -> Card:
    """Write a model file and its card together, and return the card with size and sha256.

    The model is renamed into place first, so that there is never a card without its model. If
    the process is killed before the card follows, `verify` refuses the pair.

    Raises:
        ModelError: the card is not valid, or a file cannot be written; what was there is unchanged.
    """
    card = replace(card, sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    path = card_path(model)
    _write({model: data, path: _encode(card, path)})
    return card


def write_card(card: Card, model: Path) -> Card:
    """Write the card of an existing model file, and return it with size and sha256.

    Raises:
        ModelError: the card is not valid or cannot be written, or the model cannot be read.
    """
    with reading(model):
        card = replace(card, sha256=file_sha256(model), size=model.stat().st_size)
    path = card_path(model)
    _write({path: _encode(card, path)})
    return card


def check_card_can_be_written(card: Card, model: Path) -> None:
    """Raise ModelError if `write_card` would fail, before what is to be written takes long."""
    path = card_path(model)
    _encode(card, path)
    try:
        with tempfile.TemporaryFile(dir=partial_path(path).parent):
            pass
    except OSError as error:
        raise ModelError(f"{path}: cannot be written ({error.strerror})") from error


def read_card(model: Path) -> Card:
    """Read the card beside a model file, without looking at the file itself.

    Raises:
        ModelError: the card is missing, not valid, or of another format.
    """
    path = card_path(model)
    try:
        entries = read_json(path, dict[str, Any], WHAT)
    except FileNotFoundError as error:
        raise ModelError(f"{model}: its card {path.name} is missing; copy it too") from error
    return _card_from(entries, path)


def verify(model: Path) -> Card:
    """Read the card and check that it describes this very file.

    Raises:
        ModelError: the file or its card is missing or cannot be read, or the file is truncated or
            altered.
    """
    check_is_file(model)
    card = read_card(model)
    with reading(model):
        size = model.stat().st_size
        sha256 = file_sha256(model)
    if size != card.size:
        how = "truncated" if size < card.size else "altered"
        raise ModelError(
            f"{model}: {how}: {size} bytes, but its card says {card.size}; export or fetch it again"
        )
    if sha256 != card.sha256:
        raise ModelError(
            f"{model}: altered: its sha256 is not the card's; export or fetch it again"
        )
    return card


def check_is_file(model: Path) -> None:
    """Raise ModelError if there is no such file, or if that cannot be looked up."""
    with reading(model):
        if not model.is_file():
            what = "a folder" if model.is_dir() else "no such model file"
            raise ModelError(f"{model}: {what}")


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(files: dict[Path, bytes]) -> None:
    try:
        atomic_write_together(files)
    except OSError as error:
        first, *_ = files
        raise ModelError(f"{first}: cannot be written ({error.strerror})") from error


def _encode(card: Card, path: Path) -> bytes:
    """The content of the card file; read back first, so that no unreadable card is written."""
    text = json.dumps({"format": FORMAT} | asdict(card), indent=1) + "\n"
    data = text.encode()
    _card_from(parse_json(data, dict[str, Any], path, WHAT), path)
    return data


def _card_from(entries: dict[str, Any], path: Path) -> Card:
    if entries.pop("format", None) != FORMAT:
        raise ModelError(f"{path}: a card of another format than {FORMAT}; export the model again")
    if unknown := sorted(entries.keys() - {f.name for f in fields(Card)}):
        raise ModelError(f"{path}: unknown entries {', '.join(unknown)}")
    card = validate(entries, Card, path, WHAT)
    check_classes(card, path)
    return card
