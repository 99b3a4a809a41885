"""Annotation files of other tools become masks."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="the train extra (torch) is not installed")

from PIL import Image

from seaformer_edge.cli import main
from seaformer_edge.training.layouts import folder
from seaformer_edge.training.pictures import read_ids

SQUARE = [(4, 2), (11, 2), (11, 7), (4, 7)]
INNER = [(6, 4), (8, 4), (8, 5), (6, 5)]
FLAT = [float(value) for point in SQUARE for value in point]
TRUTH = np.zeros((12, 16), np.uint8)
TRUTH[2:8, 4:12] = 2
TRUTH[4:6, 6:9] = 1


def run_lengths(mask):
    """Zeros first."""
    flat = [False, *mask.ravel().tolist()]
    changes = np.flatnonzero(np.diff(flat))
    return np.diff([0, *changes, mask.size]).tolist()


def coco(folder):
    inner = [float(value) for point in INNER for value in point]
    runs = {"size": [12, 16], "counts": run_lengths((TRUTH > 0).T)}
    images = [{"id": n, "file_name": f"{n}.jpg", "height": 12, "width": 16} for n in (1, 2)]
    annotations = [
        {"image_id": 1, "category_id": 3, "segmentation": [inner]},
        {"image_id": 1, "category_id": 7, "segmentation": [FLAT]},
        {"image_id": 2, "category_id": 3, "segmentation": [inner]},
        {"image_id": 2, "category_id": 7, "segmentation": runs},
    ]
    categories = [{"id": 7, "name": "box"}, {"id": 3, "name": "ant"}]
    values = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "a.json").write_text(json.dumps(values))
    return folder / "a.json"


def labelme(folder):
    for n in (1, 2):
        box = {"label": "box", "points": [SQUARE[0], SQUARE[2]], "shape_type": "rectangle"}
        ant = {"label": "ant", "points": INNER}
        point = {"label": "ant", "points": [(1, 1)], "shape_type": "point"}
        values = {"shapes": [box, ant, point], "imagePath": f"..\\x\\{n}.jpg"}
        (folder / f"{n}.json").write_text(json.dumps(values))
    return folder


def cvat(folder):
    def text(points):
        return ";".join(f"{x},{y}" for x, y in points)

    rle = ",".join(map(str, run_lengths(TRUTH[2:8, 4:12] > 0)))
    box = f'<polygon label="box" points="{text(SQUARE)}" z_order="0"/>'
    mask = f'<mask label="box" left="4" top="2" width="8" height="6" rle="{rle}" z_order="0"/>'
    ant = f'<polygon label="ant" points="{text(INNER)}" z_order="1"/>'
    images = "".join(
        f'<image name="{n}.jpg" width="16" height="12">{ant}{first}</image>'
        for n, first in ((1, box), (2, mask))
    )
    (folder / "a.xml").write_text(f"<annotations>{images}</annotations>")
    return folder / "a.xml"


def yolo(folder):
    def line(number, points):
        return " ".join([str(number), *(f"{x / 16} {y / 12}" for x, y in points)])

    for n in (1, 2):
        (folder / f"{n}.txt").write_text(f"{line(1, INNER)}\n{line(2, SQUARE)}\n")
    return folder


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in (1, 2):
        Image.new("RGB", (16, 12), (90, 90, 90)).save(folder / f"{n}.jpg")
    return folder


@pytest.fixture
def convert(tmp_path, images):
    (tmp_path / "classes.json").write_text('["background", "ant", "box"]')
    (tmp_path / "annotations").mkdir()

    def run(kind, *more):
        path = kind(tmp_path / "annotations")
        given = ["--images", str(images), "-o", str(tmp_path / "set"), *more]
        if kind is yolo:
            given += ["--classes", str(tmp_path / "classes.json")]
        return main(["import-labels", str(path), *given])

    return run


@pytest.mark.parametrize("kind", [coco, labelme, cvat, yolo])
def test_each_kind_of_annotation_becomes_masks(tmp_path, convert, kind):
    assert convert(kind) == 0
    pairs = folder(tmp_path / "set", "train") + folder(tmp_path / "set", "val")
    assert len(pairs) == 2
    for _, label in pairs:
        assert np.array_equal(read_ids(label), TRUTH)
    names = json.loads((tmp_path / "set" / "classes.json").read_text())["names"]
    assert names == ["background", "ant", "box"]
    with Image.open(tmp_path / "set" / "check.jpg") as grid:
        assert len(grid.getcolors(1 << 20)) > 3
    assert convert(kind) == 1, "the folder is not empty"


def test_all_problems_of_annotations_are_in_one_list(tmp_path, convert, images, capsys):
    Image.new("RGB", (8, 8)).save(images / "1.jpg")
    (images / "2.jpg").unlink()
    (tmp_path / "few.json").write_text('["background", "ant"]')
    assert convert(coco, "--classes", str(tmp_path / "few.json")) == 1
    shown = capsys.readouterr().err
    assert "1.jpg: size 8x8, but annotated at 16x12" in shown
    assert "2.jpg: is missing" in shown
    assert "1.jpg: box not in the class list" in shown
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("value", ["NaN", "1e300"])
def test_impossible_points_are_refused(convert, capsys, value):
    def damaged(folder):
        path = coco(folder)
        path.write_text(path.read_text().replace("11.0", value))
        return path

    assert convert(damaged) == 1
    assert "1.jpg: has points at impossible places" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"images": 3}'),
        ("a.xml", "<annotations><image name='1.jpg'/></annotations>"),
        ("a.xml", "<annot"),
        ("1.txt", "1 0.5 0.5 0.1 0.1"),
        ("1.txt", "9 0 0 0 1 1 1"),
        ("1.json", "{}"),
        ("nothing", ""),
    ],
)
def test_damaged_annotations_are_refused(tmp_path, convert, capsys, name, text):
    classes = str(tmp_path / "classes.json")

    def damaged(folder):
        (folder / name).write_text(text)
        return folder / name if name.startswith("a.") else folder

    assert convert(damaged, *(["--classes", classes] if name.endswith("txt") else [])) == 1
    assert "Traceback" not in capsys.readouterr().err
