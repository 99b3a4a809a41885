"""Fuzz targets: every parser of untrusted input, with generated broken inputs.

A target accepts an input or raises `SeaformerEdgeError`; anything else is a defect.
`tests/test_fuzz_targets.py` gives each target a few inputs, `scripts/verify/fuzz` thousands.
"""

from __future__ import annotations

import io
import json
import math
import tomllib
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cache
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from clips import numbered, write_video
from fakes import CARD
from fuzz_addresses import ADDRESS_TARGETS
from fuzz_arguments import ARGUMENT_TARGETS
from fuzz_arrays import ARRAY_TARGETS
from fuzz_files import FILE_TARGETS
from fuzz_inputs import ODD, Target, damaged, folder, odd_entries, odd_json, put
from fuzz_labels import LABEL_TARGETS
from fuzz_live import LIVE_TARGETS
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.hub.card import card_path, verify, write_card
from seaformer_edge.hub.class_list import read_class_list
from seaformer_edge.inference.segmenter import Segmenter
from seaformer_edge.sources import open_source

PROGRAMS = Path(__file__).parents[2] / "tests" / "data" / "programs"
RECIPES = Path(__file__).parents[2] / "seaformer_edge" / "training" / "recipes"
MAX_FRAMES = 50


# Videos and pictures.


@cache
def _videos() -> dict[str, bytes]:
    pictures = [numbered(i) for i in range(6)]
    kinds: dict[str, dict[str, object]] = {
        "a.mp4": {"audio": True},
        "b.mkv": {"audio": True},
        "c.avi": {"codec": "mpeg4"},
        "d.webm": {"codec": "libvpx-vp9"},
        "e.mp4": {"rotation": 90},
        "f.mkv": {"codec": "ffv1"},
        "g.ts": {},
        "h.gif": {"codec": "gif"},
    }
    made = {}
    for name, options in kinds.items():
        path = folder() / f"made-{name}"
        if name.endswith(".gif"):
            _write_gif(path)
        else:
            write_video(path, pictures, **options)  # type: ignore[arg-type]
        made[name] = path.read_bytes()
    return made


def _write_gif(path: Path) -> None:
    from PIL import Image

    frames = [Image.fromarray(numbered(i)) for i in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


@cache
def _pictures() -> dict[str, bytes]:
    image = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    suffixes = (".png", ".jpg", ".bmp", ".tiff", ".webp", ".ppm")
    return {f"a{s}": cv2.imencode(s, image)[1].tobytes() for s in suffixes}


def _decode(named: object) -> None:
    name, data = named  # type: ignore[misc]
    with open_source(put(name, data)) as source:
        for frame in islice(source, MAX_FRAMES):
            assert frame.image.ndim == 3
            assert frame.image.shape[2] == 3


@cache
def _labels() -> dict[str, bytes]:
    from PIL import Image

    grey = np.random.default_rng(0).integers(0, 4, (24, 32), dtype=np.uint8)
    with_palette = Image.fromarray(grey).convert("P")
    with_palette.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    made = {"grey.png": cv2.imencode(".png", grey)[1].tobytes()}
    for bits in (2, 8):
        file = io.BytesIO()
        with_palette.save(file, "PNG", bits=bits)
        made[f"palette{bits}.png"] = file.getvalue()
    return made


def _read_ids(named: object) -> None:
    from seaformer_edge.training.pictures import read_ids

    name, data = named  # type: ignore[misc]
    ids = read_ids(put(name, data))
    assert ids.ndim == 2
    assert ids.dtype == np.uint8


# Programs with a matching card: whoever alters a program can also write its card.


@cache
def _programs() -> dict[str, bytes]:
    return {name: (PROGRAMS / name).read_bytes() for name in ("nhwc.pte", "nhwc_planned.pte")}


def _run_program(named: object) -> None:
    name, data = named  # type: ignore[misc]
    path = put(name, data)
    write_card(replace(CARD, height=32, width=48, logit_channels=5), path)
    with suppress(ValueError):  # logits are NaN: documented
        Segmenter.from_path(path, 1)(np.zeros((32, 48, 3), np.uint8))


# Cards, class lists, recipes, settings.


PROGRAM = b"program"


def _card_entries() -> dict[str, object]:
    path = folder() / "intact.pte"
    path.write_bytes(PROGRAM)
    return json.loads(json.dumps({"format": 1} | asdict(write_card(CARD, path))))


def _read_card(data: object) -> None:
    path = folder() / "model.pte"
    path.write_bytes(PROGRAM)
    card_path(path).write_bytes(data)  # type: ignore[arg-type]
    verify(path)


def _class_list_entries() -> dict[str, object]:
    return {"names": ["a", "b"], "palette": [[0, 0, 0], [255, 0, 0]], "ignore_index": 255}


def _read_class_list(data: object) -> None:
    read_class_list(put("classes.json", data))  # type: ignore[arg-type]


def _recipes() -> SearchStrategy[bytes]:
    text = (RECIPES / "finetune.toml").read_text()
    entries = tomllib.loads(text)
    return st.one_of(
        damaged({"text": text.encode()}).map(lambda named: named[1]),
        odd_entries(entries).map(lambda odd: _toml(odd).encode("utf-8", "surrogatepass")),
        st.integers(1, 10**5).map(lambda depth: b"x = " + b"[" * depth),
    )


def _toml(entries: dict[str, object]) -> str:
    """As TOML where a value has such a form; the rest is invalid TOML."""
    return "\n".join(f"{key} = {json.dumps(value)}" for key, value in entries.items())


def _read_recipe(data: object) -> None:
    from seaformer_edge.training.recipe import read_recipe

    read_recipe(put("recipe.toml", data))  # type: ignore[arg-type]


def _settings() -> SearchStrategy[dict[str, object]]:
    from seaformer_edge_gui.settings import Settings

    values = st.none() | st.text(max_size=12) | ODD
    return st.dictionaries(st.sampled_from(list(Settings.__dataclass_fields__)), values)


class _Store:
    def __init__(self, values: dict[str, object]) -> None:
        self.values = values

    def value(self, key: str, /) -> object:
        return self.values.get(key)

    def setValue(self, key: str, value: object, /) -> None:  # noqa: N802
        self.values[key] = value


def _load_settings(values: object) -> None:
    from seaformer_edge_gui.settings import load, save

    settings = load(_Store(values))  # type: ignore[arg-type]
    save(settings, _Store({}))


# Published checkpoints.


@cache
def _tensors() -> dict[str, object]:
    """The state of a small network; each tensor repeats one number, so that its file is small."""
    import torch

    from seaformer_edge.nn.seaformer import build

    with torch.device("meta"):
        state = build("segmentation", "T", 3).state_dict()
    return {n: torch.ones((), dtype=t.dtype).expand(t.shape) for n, t in state.items()}


META = {"CLASSES": ("a", "b", "c"), "PALETTE": [[0, 0, 0]] * 3}
CLASS_WEIGHT = "decode_head.conv_seg.weight"


def _saved(tensors: dict[str, object], meta: object, *, zipped: bool) -> bytes:
    import torch

    buffer = io.BytesIO()
    wrapped = {"state_dict": tensors, "meta": meta}
    torch.save(wrapped, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def _checkpoints() -> SearchStrategy[tuple[str, bytes]]:
    """Damaged files, and intact files with wrong tensors, names or metadata."""
    import torch

    some = {name: _tensors()[name] for name in (CLASS_WEIGHT, "decode_head.conv_seg.bias")}
    corpus = {
        "zip.pth": _saved(_tensors(), META, zipped=True),
        "small.pth": _saved(some, META, zipped=True),
        "old.pth": _saved(some, META, zipped=False),
    }
    sizes = st.lists(st.sampled_from([0, 1, 3, 2**16, 10**9]), max_size=4)
    kinds = st.sampled_from([torch.float32, torch.int64, torch.complex64, torch.bool])
    shapes = sizes.filter(lambda shape: math.prod(shape) < 2**60)
    odd = st.builds(lambda kind, shape: torch.ones((), dtype=kind).expand(shape), kinds, shapes)
    names = st.sampled_from([CLASS_WEIGHT, "decode_head.conv_seg.bias", "linear.weight", ""])
    meta = odd_entries(META) | ODD
    made = st.builds(
        lambda name, tensor, meta: (
            "made.pth",
            _saved({**_tensors(), name: tensor}, meta, zipped=True),
        ),
        names,
        odd,
        meta,
    )
    stored = meta.map(lambda meta: ("made.pth", _saved(_tensors(), meta, zipped=True)))
    return st.one_of(damaged(corpus), made, stored)


def _import_checkpoint(named: object) -> None:
    from seaformer_edge.nn.import_published import import_checkpoint

    name, data = named  # type: ignore[misc]
    import_checkpoint(put(name, data), "mine")


TARGETS = {
    "videos": Target(lambda: damaged(_videos()), _decode),
    "pictures": Target(lambda: damaged(_pictures()), _decode),
    **LABEL_TARGETS,
    **FILE_TARGETS,
    "labels": Target(lambda: damaged(_labels()), _read_ids, "torch"),
    "programs": Target(lambda: damaged(_programs()), _run_program, "seaformer_edge._native"),
    "cards": Target(lambda: odd_json(_card_entries()), _read_card),
    "class lists": Target(lambda: odd_json(_class_list_entries()), _read_class_list),
    "recipes": Target(_recipes, _read_recipe),
    "settings": Target(_settings, _load_settings),
    "checkpoints": Target(_checkpoints, _import_checkpoint, "torch"),
    **ADDRESS_TARGETS,
    **ARGUMENT_TARGETS,
    **ARRAY_TARGETS,
    **LIVE_TARGETS,
}


def take(target: Target, given: object) -> bool:
    """Whether the target refused the input; any other error is a defect and is raised."""
    try:
        target.take(given)
    except SeaformerEdgeError:
        return True
    return False
