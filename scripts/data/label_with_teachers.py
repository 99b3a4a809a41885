"""Label photographs with two teacher networks, in the 41 classes of `everyday`.

    python scripts/data/label_with_teachers.py TEACHERS label FOLDER [--stuff-only] [--part 1/2]
    python scripts/data/label_with_teachers.py TEACHERS measure SET

`label` writes FOLDER/labels for FOLDER/images; pictures that have a label keep it. Real masks
come over these labels in make_everyday_data.py. `measure` prints how well each teacher and
their merged labels do on the held-out real masks of a set that it made.

TEACHERS holds the two networks, both DeepLabv3 on MobileNetV2 as TFLite files:
A knows 31 classes of ADE20K (mlcommons/mobile_models), B the 20 of PASCAL VOC
(google-coral/test_data). They run with ai-edge-litert: pip install -e ".[distil]".
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from seaformer_edge.hub.class_list import read_class_list
from seaformer_edge.training.layouts import folder, pictures_in
from seaformer_edge.training.metrics import ConfusionMatrix

CLASSES = read_class_list(Path(__file__).parents[2] / "models" / "classes" / "everyday.json").names
UNSURE = 255
PERSON = CLASSES.index("person")

# The classes of each teacher by id, under the names of `everyday`; "" is none of them.
A_FILE = "deeplabv3_mnv2_ade20k32_uint8.tflite"
A_CLASSES = (
    "", "wall", "building", "sky", "floor", "tree", "ceiling", "road", "bed", "window", "grass",
    "cabinet", "sidewalk", "person", "ground", "door", "table", "mountain", "plant", "curtain",
    "chair", "car", "water", "painting", "sofa", "shelf", "building", "water", "mirror", "rug",
    "grass", "chair",
)  # fmt: skip
B_FILE = "deeplabv3_mnv2_voc21_quant.tflite"
B_CLASSES = (
    "", "airplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "table", "dog", "horse", "motorcycle", "person", "plant", "sheep", "sofa", "train", "tv",
)  # fmt: skip
# Furniture that both know, and A better: B is believed where A is unsure.
FURNITURE = [CLASSES.index(name) for name in ("chair", "table", "plant", "sofa")]

LabelMap = NDArray[np.uint8]


class Teacher:
    """A TFLite segmentation network that gives hard labels.

    Args:
        path: of the network, (1, S, S, 3) uint8 RGB to (1, S, S) class ids.
        classes: name in `everyday` of each of its ids.
    """

    def __init__(self, path: Path, classes: tuple[str, ...], threads: int):
        from ai_edge_litert.interpreter import Interpreter

        self.network = Interpreter(str(path), num_threads=threads)
        self.network.allocate_tensors()
        self.input = self.network.get_input_details()[0]
        self.output = self.network.get_output_details()[0]
        self.ids = np.array([CLASSES.index(n) if n else UNSURE for n in classes], np.uint8)

    def __call__(self, image: NDArray[np.uint8]) -> LabelMap:
        """(H, W, 3) uint8 RGB to (H, W) uint8 class ids, `UNSURE` where it names none."""
        height, width = self.input["shape"][1:3]
        self.network.set_tensor(self.input["index"], cv2.resize(image, (width, height))[None])
        self.network.invoke()
        labels = self.ids[self.network.get_tensor(self.output["index"])[0]]
        size = (image.shape[1], image.shape[0])
        return np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def merge(a: LabelMap, b: LabelMap) -> LabelMap:
    """A for surroundings and furniture, B for people, animals, vehicles and things.

    `UNSURE` where neither names a class, and where A sees a person and B none.
    """
    by_b = (b != UNSURE) & ((a == UNSURE) | ~np.isin(b, FURNITURE))
    merged = np.where(by_b, b, a)
    merged[(a == PERSON) & ~by_b] = UNSURE
    return merged


def read(path: Path) -> NDArray[np.uint8]:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)


def label(root: Path, a: Teacher, b: Teacher | None, part: tuple[int, int]) -> None:
    """Write root/labels; without B, A alone labels the surroundings."""
    labels = root / "labels"
    labels.mkdir(exist_ok=True)
    number, parts = part
    for picture in tqdm(pictures_in(root / "images")[number - 1 :: parts], unit="pictures"):
        target = labels / f"{picture.stem}.png"
        if target.exists():
            continue
        image = read(picture)
        seen_by_a = a(image)
        seen_by_b = b(image) if b else np.full_like(seen_by_a, UNSURE)
        cv2.imwrite(str(target), merge(seen_by_a, seen_by_b))


def measure(
    root: Path, split: str, a: Teacher, b: Teacher
) -> Iterator[tuple[str, ConfusionMatrix]]:
    """(teacher, matrix) over a split; `UNSURE` is predicted as a class of its own, the last."""
    matrices = {name: ConfusionMatrix(len(CLASSES) + 1) for name in ("A", "B", "merged")}
    for picture, truth_path in tqdm(folder(root, split), unit="pictures"):
        image, truth = read(picture), cv2.imread(str(truth_path), cv2.IMREAD_UNCHANGED)
        maps = {"A": a(image), "B": b(image)}
        maps["merged"] = merge(maps["A"], maps["B"])
        for name, predicted in maps.items():
            matrices[name].update(
                np.asarray(truth, np.uint8), np.minimum(predicted, len(CLASSES)).astype(np.uint8)
            )
    yield from matrices.items()


def report(root: Path, a: Teacher, b: Teacher) -> None:
    print("split        teacher   mIoU   person IoU")
    for split in ("real", "persons", "real-more", "persons-more"):
        if not (root / split).is_dir():
            continue
        for name, matrix in measure(root, split, a, b):
            named = matrix.counts.sum(1)[: len(CLASSES)] > 0  # in the real masks
            iou = matrix.iou[: len(CLASSES)]
            mean = "" if split.startswith("persons") else f"{iou[named].mean():.3f}"
            print(f"{split:12} {name:8} {mean:5}  {iou[PERSON]:.3f}", flush=True)


def part_of(text: str) -> tuple[int, int]:
    number, parts = text.split("/")
    return int(number), int(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description="Label photographs with two teacher networks.")
    parser.add_argument("teachers", type=Path, help="folder of the TFLite files")
    parser.add_argument("--threads", type=int, default=1)
    commands = parser.add_subparsers(dest="command", required=True)
    labelling = commands.add_parser("label", help="write FOLDER/labels for FOLDER/images")
    labelling.add_argument("folder", type=Path)
    labelling.add_argument(
        "--stuff-only", action="store_true", help="the real masks name all people and things"
    )
    labelling.add_argument(
        "--part", type=part_of, default=(1, 1), metavar="N/M", help="every Mth picture from the Nth"
    )
    measuring = commands.add_parser("measure", help="IoU on the held-out real masks")
    measuring.add_argument("set", type=Path)
    options = parser.parse_args()

    a = Teacher(options.teachers / A_FILE, A_CLASSES, options.threads)
    if options.command == "label" and options.stuff_only:
        label(options.folder, a, None, options.part)
        return
    b = Teacher(options.teachers / B_FILE, B_CLASSES, options.threads)
    if options.command == "label":
        label(options.folder, a, b, options.part)
    else:
        report(options.set, a, b)


if __name__ == "__main__":
    main()
