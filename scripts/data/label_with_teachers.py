"""Label photographs with three teacher networks, in the classes of `everyday-objects`.

    python scripts/data/label_with_teachers.py label FOLDER --mosaic FILE --voc FILE --yolo FILE
    python scripts/data/label_with_teachers.py measure SET --mosaic FILE --voc FILE --yolo FILE
    python scripts/data/label_with_teachers.py bystanders SET --mosaic FILE --voc FILE --yolo FILE

`label` writes FOLDER/labels for FOLDER/images; pictures that have a label keep it, so the same
command continues an interrupted run. Without --voc and --yolo only the surroundings are labelled:
enough if real masks name all people and things. make_everyday_data.py lays real masks over these
labels. `measure` prints how well each teacher and the merged labels do on the held-out real masks
of a set that make_everyday_data.py made. `bystanders` makes another split of it,
SET/persons-agreed: the pictures of SET/persons, whose masks name one person each, with persons
ignored whom the mask leaves out and YOLO and another teacher see. `seaformer-edge evaluate --split`
measures a model on either.

teachers.py describes the three files and how their labels are merged. They run with
ai-edge-litert: pip install -e ".[distil]".
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from teachers import (
    CLASSES,
    UNSURE,
    Image,
    Instance,
    LabelMap,
    Mask,
    Mosaic,
    Teachers,
    Voc,
    Yolo,
    merge,
)
from tqdm import tqdm

from seaformer_edge.errors import SourceError
from seaformer_edge.files import partial_path
from seaformer_edge.training.layouts import folder, pictures_in
from seaformer_edge.training.metrics import ConfusionMatrix
from seaformer_edge.training.pictures import read_ids, read_picture

PERSON = CLASSES.index("person")
AGREED = "persons-agreed"


def label(root: Path, teachers: Teachers, part: tuple[int, int]) -> None:
    """Write root/labels for every Mth picture from the Nth of root/images; `part` is (N, M)."""
    number, parts = part
    pictures = pictures_in(root / "images")[number - 1 :: parts]
    (root / "labels").mkdir(exist_ok=True)
    for picture in tqdm(pictures, unit="pictures"):
        target = root / "labels" / f"{picture.stem}.png"
        if not target.exists():
            write_label(target, teachers(read_picture(picture)))


def write_label(path: Path, labels: LabelMap) -> None:
    """Write a PNG; an interrupted one does not get its name."""
    partial = partial_path(path)
    partial.write_bytes(cv2.imencode(".png", labels)[1].tobytes())
    partial.replace(path)


def without_bystanders(truth: LabelMap, instances: Sequence[Instance], others: Mask) -> LabelMap:
    """`truth` with `UNSURE` where bystanders are: persons of YOLO, for the most part outside the
    mask of persons, as far as the other teachers see a person there (`others`)."""
    persons = truth == PERSON
    result = truth.copy()
    for instance in instances:
        mask = instance.mask
        if instance.name == "person" and 2 * int((mask & persons).sum()) < int(mask.sum()):
            result[mask & others & ~persons] = UNSURE
    return result


def ignore_bystanders(root: Path, teachers: Teachers) -> None:
    """Write root/persons-agreed."""
    assert teachers.voc
    assert teachers.yolo
    for kind in ("images", "labels"):
        (root / AGREED / kind).mkdir(parents=True, exist_ok=True)
    ignored = 0
    for picture, label_path in tqdm(folder(root, "persons"), unit="pictures"):
        image = read_picture(picture)
        seen, sure = teachers.mosaic(image)
        others = (sure & (seen == PERSON)) | (teachers.voc(image) == PERSON)
        truth = read_ids(label_path)
        labels = without_bystanders(truth, teachers.yolo(image), others)
        ignored += bool((labels != truth).any())
        cv2.imwrite(str(root / AGREED / "labels" / label_path.name), labels)
        shutil.copyfile(picture, root / AGREED / "images" / picture.name)
    print(f"bystanders in {ignored} pictures")


def label_maps(image: Image, teachers: Teachers) -> dict[str, LabelMap]:
    """Labels of each teacher alone, and the merged ones."""
    surroundings, sure = teachers.mosaic(image)
    nothing = np.full_like(surroundings, UNSURE)
    maps = {"mosaic": np.where(sure, surroundings, nothing)}
    voc = teachers.voc(image) if teachers.voc else nothing
    instances = teachers.yolo(image) if teachers.yolo else ()
    maps["voc"] = voc
    maps["yolo"] = merge(nothing, np.zeros_like(sure), nothing, instances)
    maps["merged"] = merge(surroundings, sure, voc, instances)
    return maps


def measure(root: Path, split: str, teachers: Teachers) -> Iterator[tuple[str, ConfusionMatrix]]:
    """(teacher, matrix) over a split; `UNSURE` counts as a predicted class, the last one."""
    matrices: dict[str, ConfusionMatrix] = {}
    for picture, label_path in tqdm(folder(root, split), unit="pictures"):
        truth = read_ids(label_path)
        for name, predicted in label_maps(read_picture(picture), teachers).items():
            matrix = matrices.setdefault(name, ConfusionMatrix(len(CLASSES) + 1))
            matrix.update(truth, np.minimum(predicted, len(CLASSES)).astype(np.uint8))
    yield from matrices.items()


def report(root: Path, teachers: Teachers) -> None:
    print("split        teacher   mIoU   person IoU")
    for split in ("real", "persons", AGREED, "real-more", "persons-more"):
        if not (root / split).is_dir():
            continue
        for name, matrix in measure(root, split, teachers):
            in_truth = matrix.counts.sum(1)[: len(CLASSES)] > 0
            iou = matrix.iou[: len(CLASSES)]
            mean = "" if split.startswith("persons") else f"{iou[in_truth].mean():.3f}"
            print(f"{split:12} {name:8} {mean:5}  {iou[PERSON]:.3f}", flush=True)


def part_of(text: str) -> tuple[int, int]:
    number, parts = text.split("/")
    return int(number), int(parts)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("label", "measure", "bystanders"))
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of pictures, or the SET")
    for name, required in (("mosaic", True), ("voc", False), ("yolo", False)):
        parser.add_argument(
            f"--{name}", type=Path, required=required, metavar="FILE", help="TFLite file"
        )
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (%(default)s)")
    parser.add_argument(
        "--part", type=part_of, default=(1, 1), metavar="N/M", help="every Mth picture from the Nth"
    )
    options = parser.parse_args()
    if options.command == "bystanders" and not (options.voc and options.yolo):
        parser.error("bystanders: give --voc and --yolo: two teachers have to agree")
    teachers = Teachers(
        Mosaic(options.mosaic, options.threads),
        Voc(options.voc, options.threads) if options.voc else None,
        Yolo(options.yolo, options.threads) if options.yolo else None,
    )
    if options.command == "label":
        label(options.folder, teachers, options.part)
    elif options.command == "bystanders":
        ignore_bystanders(options.folder, teachers)
    else:
        report(options.folder, teachers)


if __name__ == "__main__":
    try:
        main()
    except SourceError as error:
        raise SystemExit(str(error)) from error
