"""The three teacher networks of label_with_teachers.py, and how their labels are merged.

    mosaic   MOSAIC mobile_segmenter_r3 of mlcommons/mobile_models, its last custom operator
             removed: logits of 32 classes of ADE20K. Apache-2.0
    voc      DeepLabv3 on MobileNetV2 of google-coral/test_data: 20 classes of PASCAL VOC.
             Apache-2.0
    yolo     YOLO11n-seg in int8 with non-maximum suppression: 80 classes of COCO. AGPL-3.0

They are TFLite files that the user provides; none is part of this project. The thresholds below
were chosen for these files, so other ones are refused by their sha256. They run with
ai-edge-litert.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import SourceError
from seaformer_edge.hub.card import file_sha256
from seaformer_edge.hub.class_list import read_class_list
from seaformer_edge.hub.paths import shipped_models_dir

CLASSES = read_class_list(shipped_models_dir() / "classes" / "everyday-objects.json").names
"""The 41 of `everyday`, with their ids, and objects that these leave unlabelled."""
UNSURE = 255
"""Label id of pixels that no teacher names with enough certainty."""

MIN_PROBABILITY = 0.45
"""Of MOSAIC's class; a pixel with less is `UNSURE`."""
MIN_SCORE, CERTAIN_SCORE = 0.25, 0.4
"""Of YOLO's objects: with less than the first they are dropped, from the second on they are drawn
over other labels."""

SHA256 = {
    "mosaic": "ab0c64881e62c5d5d98348770714d4907155eb9dcf1efb3a42574403475c50d1",
    "voc": "350af47fd346ea6d74b58833a351f583ba860e9806ec5bd292ff8d8f1f249398",
    "yolo": "2ad600746ebf3397c595418df9c72fbf06cc94af316c120a07a3833d40e5d501",
}

# The classes of MOSAIC and VOC by id, under the names of `CLASSES`; "" is none of them.
MOSAIC_CLASSES = (
    "", "wall", "building", "sky", "floor", "tree", "ceiling", "road", "bed", "window", "grass",
    "cabinet", "sidewalk", "person", "ground", "door", "table", "mountain", "plant", "curtain",
    "chair", "car", "water", "painting", "sofa", "shelf", "building", "water", "mirror", "rug",
    "grass", "chair",
)  # fmt: skip
VOC_CLASSES = (
    "", "airplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "table", "dog", "horse", "motorcycle", "person", "plant", "sheep", "sofa", "train", "tv",
)  # fmt: skip
YOLO_CLASSES = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat",
    "traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog",
    "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella",
    "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite",
    "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange",
    "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "sofa", "plant", "bed",
    "table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave",
    "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors", "teddy bear",
    "hair drier", "toothbrush",
)  # fmt: skip

YOLO_GROUPS = {
    "bag": ("backpack", "handbag", "suitcase"),
    "cup": ("wine glass",),
    "food": (
        "banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut",
        "cake",
    ),
    "oven": ("microwave", "toaster"),
    "person": ("tie",),
    "sign": ("stop sign",),
}  # fmt: skip
"""Classes of ours that are several of COCO's, or have another name there."""
OURS = {name: name if name in CLASSES else "other" for name in YOLO_CLASSES} | {
    theirs: ours for ours, group in YOLO_GROUPS.items() for theirs in group
}
"""COCO's class to ours; "other" is an object that is none of ours."""

FURNITURE = frozenset({"chair", "table", "plant", "sofa", "bed", "bench"})
"""Classes of VOC and COCO that are not things: VOC's things are not painted over with them."""
THINGS = frozenset(VOC_CLASSES[1:]) - FURNITURE
THING_IDS = [CLASSES.index(name) for name in sorted(THINGS)]

Image = NDArray[np.uint8]
LabelMap = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Instance:
    """An object that YOLO found: class name, score, and (H, W) mask."""

    name: str
    score: float
    mask: Mask


@dataclass(frozen=True)
class Teachers:
    """The networks as functions of an (H, W, 3) uint8 RGB picture; without the last two, only
    surroundings are labelled.

    Attributes:
        mosaic: to (H, W) labels, and a mask of where it is sure.
        voc: to (H, W) labels.
        yolo: to instances.
    """

    mosaic: Callable[[Image], tuple[LabelMap, Mask]]
    voc: Callable[[Image], LabelMap] | None = None
    yolo: Callable[[Image], Sequence[Instance]] | None = None

    def __call__(self, image: Image) -> LabelMap:
        """(H, W) uint8 labels, `UNSURE` where no teacher names a class."""
        surroundings, sure = self.mosaic(image)
        voc = self.voc(image) if self.voc else np.full_like(surroundings, UNSURE)
        return merge(surroundings, sure, voc, self.yolo(image) if self.yolo else ())


def merge(
    surroundings: LabelMap, sure: Mask, voc: LabelMap, instances: Sequence[Instance]
) -> LabelMap:
    """One label map from those of MOSAIC, with where it is sure, VOC and YOLO.

    MOSAIC labels the surroundings, but no persons and cars: the others know these better. VOC's
    things are painted over it, and its furniture where MOSAIC is sure that there is none of its
    classes. Then YOLO's objects, the largest first: over everything, but furniture not over VOC's
    things, and `other` over no things; uncertain ones where there is no label yet.
    """
    mosaic_names = sure & ~np.isin(surroundings, [CLASSES.index(n) for n in ("person", "car")])
    labels = np.where(mosaic_names, surroundings, UNSURE).astype(np.uint8)
    voc_things = np.isin(voc, THING_IDS)
    from_voc = voc_things | ((labels == UNSURE) & sure & (voc != UNSURE))
    labels[from_voc] = voc[from_voc]
    for instance in sorted(instances, key=lambda i: int(i.mask.sum()), reverse=True):
        name = OURS[instance.name]
        where = instance.mask
        if instance.score < CERTAIN_SCORE:
            where = where & (voc == UNSURE) & (labels == UNSURE)
        elif name in FURNITURE:
            where = where & ~voc_things
        elif name == "other":
            where = where & ~np.isin(labels, THING_IDS)
        labels[where] = CLASSES.index(name)
    return labels


class _TFLite:
    """A TFLite file whose sha256 is known."""

    def __init__(self, path: Path, teacher: str, threads: int):
        try:
            sha256 = file_sha256(path)
        except OSError as error:
            raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
        if sha256 != SHA256[teacher]:
            raise SourceError(
                f"{path}: not the file that is known as {teacher}: its sha256 is {sha256},"
                f" expected {SHA256[teacher]}"
            )
        from ai_edge_litert.interpreter import Interpreter

        self.network = Interpreter(str(path), num_threads=threads)
        self.network.allocate_tensors()
        self.input = self.network.get_input_details()[0]

    def run(self, x: NDArray[Any]) -> list[NDArray[Any]]:
        """Outputs for the input (H, W, 3), without the batch dimension."""
        self.network.set_tensor(self.input["index"], x[None].astype(self.input["dtype"]))
        self.network.invoke()
        outputs = self.network.get_output_details()
        return [self.network.get_tensor(output["index"])[0] for output in outputs]

    def stretched(self, image: Image) -> Image:
        """The picture at the size of the input."""
        height, width = map(int, self.input["shape"][1:3])
        shrinks = image.shape[0] > height
        interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image, (width, height), interpolation=interpolation), np.uint8)


class Mosaic(_TFLite):
    """ADE20K teacher. A picture and its mirror image are averaged."""

    LOGIT_SCALE = 0.09654

    def __init__(self, path: Path, threads: int):
        super().__init__(path, "mosaic", threads)

    def __call__(self, image: Image) -> tuple[LabelMap, Mask]:
        x = self.stretched(image)
        (logits,) = self.run(x)
        (mirrored,) = self.run(np.ascontiguousarray(x[:, ::-1]))
        mean = (logits.astype(np.float32) + mirrored[:, ::-1]) * np.float32(self.LOGIT_SCALE / 2)
        return surroundings_from(mean, (image.shape[1], image.shape[0]))


def surroundings_from(logits: NDArray[np.float32], size: tuple[int, int]) -> tuple[LabelMap, Mask]:
    """(h, w, 32) logits to labels and where they are sure, at `size`, (width, height)."""
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    probabilities = exponentials / exponentials.sum(-1, keepdims=True)
    ids = np.array([CLASSES.index(n) if n else UNSURE for n in MOSAIC_CLASSES], np.uint8)
    present = np.unique(ids)
    # Several of its classes are one here.
    maps = [cv2.resize(probabilities[..., ids == i].sum(-1), size) for i in present]
    stacked = np.stack(maps)
    return present[stacked.argmax(0)], stacked.max(0) >= MIN_PROBABILITY


class Voc(_TFLite):
    """PASCAL VOC teacher."""

    def __init__(self, path: Path, threads: int):
        super().__init__(path, "voc", threads)
        self.ids = np.array([CLASSES.index(n) if n else UNSURE for n in VOC_CLASSES], np.uint8)

    def __call__(self, image: Image) -> LabelMap:
        (stored,) = self.run(self.stretched(image))
        size = (image.shape[1], image.shape[0])
        labels = cv2.resize(self.ids[stored], size, interpolation=cv2.INTER_NEAREST)
        return np.asarray(labels, np.uint8)


class Yolo(_TFLite):
    """COCO teacher. The picture is fitted into the upper left of a grey square."""

    SIDE = 640
    GREY = 114

    def __init__(self, path: Path, threads: int):
        super().__init__(path, "yolo", threads)

    def __call__(self, image: Image) -> list[Instance]:
        height, width = image.shape[:2]
        scale = self.SIDE / max(height, width)
        inner = (round(width * scale), round(height * scale))
        x = np.full((self.SIDE, self.SIDE, 3), self.GREY, np.uint8)
        x[: inner[1], : inner[0]] = cv2.resize(image, inner)
        outputs = self.run(x.astype(np.float32) / 255)
        detections, prototypes = sorted(outputs, key=lambda output: output.ndim)
        found = instances_from(detections, prototypes, self.SIDE)
        size = (width, height)
        return [
            Instance(name, score, cv2.resize(logits[: inner[1], : inner[0]], size) > 0)
            for name, score, logits in found
        ]


def instances_from(
    detections: NDArray[np.float32], prototypes: NDArray[np.float32], side: int
) -> list[tuple[str, float, NDArray[np.float32]]]:
    """(class name, score, (side, side) mask logits) of YOLO's outputs.

    Args:
        detections: (N, 6 + K): left, top, right, bottom as shares of the side, score, class id,
            K factors.
        prototypes: (h, w, K), of which a mask is the sum weighted by the factors.
    """
    found = []
    for row in detections[detections[:, 4] >= MIN_SCORE]:
        left, top, right, bottom = row[:4] * side
        logits = cv2.resize(prototypes @ row[6:], (side, side))
        inside = np.zeros((side, side), np.bool_)
        inside[max(0, int(top)) : int(bottom) + 1, max(0, int(left)) : int(right) + 1] = True
        found.append((YOLO_CLASSES[int(row[5])], float(row[4]), np.where(inside, logits, -9)))
    return found
