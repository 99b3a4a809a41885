"""Annotation files of other tools become masks."""

from __future__ import annotations

import base64
import io
import json
import shutil

import numpy as np
import pytest

pytest.importorskip("torch", reason="the train extra (torch) is not installed")
pytest.importorskip("pycocotools", reason="the train extra (pycocotools) is not installed")

from PIL import Image
from pycocotools import mask

from seaformer_edge.cli import main
from seaformer_edge.errors import SourceError
from seaformer_edge.training import import_labels
from seaformer_edge.training.annotations.shapes import Polygons, RunLengths
from seaformer_edge.training.layouts import folder
from seaformer_edge.training.pictures import read_ids

SQUARE = [(4, 2), (11, 2), (11, 7), (4, 7)]
INNER = [(6, 4), (8, 4), (8, 5), (6, 5)]
FLAT = [float(value) for point in SQUARE for value in point]
TRUTH = np.zeros((12, 16), np.uint8)
TRUTH[2:7, 4:11] = 2
TRUTH[4, 6:8] = 1


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

    rle = ",".join(map(str, run_lengths(TRUTH[2:7, 4:11] > 0)))
    box = f'<polygon label="box" points="{text(SQUARE)}" z_order="0"/>'
    mask = f'<mask label="box" left="4" top="2" width="7" height="5" rle="{rle}" z_order="0"/>'
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


def centres_inside(points, height, width):
    """The pixels whose centre lies inside, by the even-odd rule."""
    y, x = np.mgrid[:height, :width] + 0.5
    inside = np.zeros((height, width), bool)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        crossed = (y0 <= y) != (y1 <= y)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crossed & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside


def test_outlines_are_drawn_neither_too_large_nor_too_small():
    rng = np.random.default_rng(0)
    expected = too_many = wrong = 0
    for _ in range(60):
        angles = np.sort(rng.uniform(0, 2 * np.pi, 9))
        radius = rng.uniform(4, 20, 9)
        points = rng.uniform(20, 44, 2) + radius[:, None] * np.c_[np.cos(angles), np.sin(angles)]
        drawn = mask.decode(Polygons([points.tolist()]).runs(64, 64)) == 1
        truth = centres_inside(points, 64, 64)
        expected += truth.sum()
        too_many += int(drawn.sum()) - int(truth.sum())
        wrong += (drawn != truth).sum()
    assert abs(too_many) < 0.005 * expected  # Pillow and OpenCV: 0.1
    assert wrong < 0.03 * expected


def test_a_compressed_mask_of_coco():
    whole = mask.encode(np.asfortranarray(TRUTH > 0))
    runs = RunLengths((12, 16), whole["counts"].decode()).runs(12, 16)
    assert np.array_equal(mask.decode(runs), TRUTH > 0)
    for wrong in (RunLengths((12, 16), "abc"), RunLengths((12, 16), [7, 3])):
        with pytest.raises(SourceError, match="mask"):
            wrong.runs(12, 16)


def test_crowds_are_drawn_as_their_class(convert, tmp_path):
    """CVAT marks every brush mask as a crowd."""

    def crowds(folder):
        path = coco(folder)
        values = json.loads(path.read_text())
        for annotation in values["annotations"]:
            annotation["iscrowd"] = 1
        path.write_text(json.dumps(values))
        return path

    assert convert(crowds) == 0
    assert np.array_equal(read_ids(tmp_path / "set" / "labels" / "1.png"), TRUTH)


def test_brush_masks_and_circles_of_labelme(tmp_path, convert):
    file = io.BytesIO()
    Image.fromarray(np.uint8(TRUTH[2:7, 4:11] > 0) * 255).save(file, "PNG")
    text = base64.b64encode(file.getvalue()).decode()
    brush = {"label": "box", "points": [(4, 2), (10, 6)], "shape_type": "mask", "mask": text}
    circle = {"label": "ant", "points": [(7.5, 4.5), (7.5, 5.2)], "shape_type": "circle"}

    def files(folder):
        values = {"shapes": [brush, circle], "imagePath": "1.jpg"}
        (folder / "1.json").write_text(json.dumps(values))
        return folder

    assert convert(files) == 0
    expected = np.where(TRUTH > 0, 2, 0)
    expected[4, 7] = 1
    assert np.array_equal(read_ids(tmp_path / "set" / "labels" / "1.png"), expected)


def test_ellipses_and_turned_boxes_of_cvat(tmp_path, convert):
    turned = '<box label="ant" xtl="2" ytl="5" xbr="8" ybr="7" rotation="90"/>'
    ellipse = '<ellipse label="box" cx="12" cy="6" rx="2" ry="4"/>'

    def file(folder):
        image = f'<image name="1.jpg" width="16" height="12">{turned}{ellipse}</image>'
        (folder / "a.xml").write_text(f"<annotations>{image}</annotations>")
        return folder / "a.xml"

    assert convert(file) == 0
    drawn = read_ids(tmp_path / "set" / "labels" / "1.png")
    rows, columns = np.nonzero(drawn == 1)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (3, 8, 4, 5)
    assert abs((drawn == 2).sum() - np.pi * 2 * 4) < 4


@pytest.mark.parametrize("places", [("../{}/images", "../{}/images"), ("{}/images", ["{}/images"])])
@pytest.mark.parametrize("names", [["ant", "box"], {0: "ant", 1: "box"}])
def test_data_yaml_of_yolo(tmp_path, images, places, names):
    for split in ("train", "valid"):
        shutil.copytree(images, tmp_path / "yolo" / split / "images")
        (tmp_path / "yolo" / split / "labels").mkdir()
        for n in (1, 2):
            line = " ".join(f"{x / 16} {y / 12}" for x, y in SQUARE)
            (tmp_path / "yolo" / split / "labels" / f"{n}.txt").write_text(f"1 {line}\n")
    train, val = (
        [p.format(name) for p in place] if isinstance(place, list) else place.format(name)
        for place, name in zip(places, ("train", "valid"), strict=True)
    )
    text = f"names: {names}\nnc: 2\ntrain: {train}\nval: {val}\ntest: ../test/images\n"
    (tmp_path / "yolo" / "data.yaml").write_text(text)
    assert main(["import-labels", str(tmp_path / "yolo"), "-o", str(tmp_path / "set")]) == 0
    for split in ("train", "val"):
        pairs = folder(tmp_path / "set", split)
        assert [p.name for p, _ in pairs] == ["1.jpg", "2.jpg"]
        assert np.array_equal(read_ids(pairs[0][1]), np.where(TRUTH > 0, 2, 0))


@pytest.mark.parametrize(
    "text",
    [
        "{{",
        "- 1",
        "train: images",
        "names: 3\ntrain: images",
        "names: {0: a, 2: b}\ntrain: images",
        "names: [a]\ntrain: nowhere",
        "names: [a]",
        "names: [a]\ntrain: list.txt",
    ],
)
def test_a_damaged_data_yaml_is_refused(tmp_path, capsys, text):
    (tmp_path / "data.yaml").write_text(text)
    (tmp_path / "list.txt").write_text("lost.jpg")
    assert main(["import-labels", str(tmp_path / "data.yaml"), "-o", str(tmp_path / "set")]) == 1
    error = capsys.readouterr().err
    assert ".yaml: " in error or "list.txt: " in error
    assert error.count("\n") == 1


def test_folders_of_splits_keep_them(tmp_path, images):
    """As Roboflow exports COCO."""
    for split in ("train", "valid"):
        shutil.copytree(images, tmp_path / "coco" / split)
        coco(tmp_path / "coco" / split).rename(tmp_path / "coco" / split / "_annotations.coco.json")
    assert main(["import-labels", str(tmp_path / "coco"), "-o", str(tmp_path / "set")]) == 0
    for split in ("train", "val"):
        assert np.array_equal(read_ids(folder(tmp_path / "set", split)[0][1]), TRUTH)


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_error_leaves_no_part_of_a_data_set(tmp_path, convert, capsys, monkeypatch, fault):
    def full(*_):
        raise fault

    monkeypatch.setattr(import_labels, "_grid", full)
    assert convert(labelme) == (1 if isinstance(fault, OSError) else 130)
    assert not list(tmp_path.glob("*set*"))
    assert ("No space left" in capsys.readouterr().err) == isinstance(fault, OSError)
    monkeypatch.undo()
    (tmp_path / ".set.partial").mkdir()  # of a run that was killed
    assert convert(labelme) == 0


def test_annotations_without_outlines_are_refused(convert, capsys):
    def boxes(folder):
        path = coco(folder)
        values = json.loads(path.read_text())
        for annotation in values["annotations"]:
            annotation.update(segmentation=[], bbox=[4, 2, 7, 5])
        path.write_text(json.dumps(values))
        return path

    assert convert(boxes) == 1
    assert "no outlines in it: export polygons or masks, not boxes" in capsys.readouterr().err


def test_all_problems_of_annotations_are_in_one_list(tmp_path, convert, images, capsys):
    Image.new("RGB", (8, 8)).save(images / "1.jpg")
    (images / "2.jpg").unlink()
    (tmp_path / "few.json").write_text('["background", "ant"]')
    assert convert(coco, "--classes", str(tmp_path / "few.json")) == 1
    shown = capsys.readouterr().err
    assert "1.jpg: size 8x8, but annotated at 16x12" in shown
    assert "2.jpg: no such picture" in shown
    assert "1.jpg: box not in the class list" in shown
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("value", ["NaN", "1e300"])
def test_impossible_points_are_refused(convert, capsys, value):
    def damaged(folder):
        path = coco(folder)
        path.write_text(path.read_text().replace("11.0", value))
        return path

    assert convert(damaged) == 1
    assert "1.jpg: an outline has points far outside" in capsys.readouterr().err


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
