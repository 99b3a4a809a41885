"""Fuzz targets for what users annotate: class tables, and the annotations of import-labels."""

from __future__ import annotations

import base64
import io
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from fuzz_inputs import Target, folder, odd_inside, odd_words
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

HEIGHT, WIDTH = 12, 16
SQUARE = [4, 2, 11, 2, 11, 7, 4, 7]
CLASS_TABLES = {
    "labelmap.txt": b"# label:color_rgb:parts:actions\nbackground:0,0,0::\nant:128,0,0::\n",
    "_classes.csv": b"Pixel Value, Class\n0, background\n1, ant\n",
    "classes.txt": b"background\nant\n",
}


def _read_class_table(named: object) -> None:
    from seaformer_edge.training.labelmap import own_class_list

    name, data = named  # type: ignore[misc]
    found = own_class_list(_fresh("tables", {name: data}))
    assert found is not None
    assert 0 < len(found.names) == len(found.palette)


def _fresh(name: str, files: dict[str, bytes]) -> Path:
    """A folder with these files and no others."""
    place = folder() / name
    shutil.rmtree(place, ignore_errors=True)
    for file, data in files.items():
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).write_bytes(data)
    return place


@cache
def _png(mode: str) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.new(mode, (WIDTH, HEIGHT) if mode == "RGB" else (3, 3), "white").save(file, "PNG")
    return file.getvalue()


def _coco() -> dict[str, object]:
    from pycocotools import mask

    ones = np.ones((HEIGHT, WIDTH), np.uint8, order="F")
    size = [HEIGHT, WIDTH]
    outlines = [
        [SQUARE, SQUARE],
        {"size": size, "counts": [20, 20, HEIGHT * WIDTH - 40]},
        {"size": size, "counts": mask.encode(ones)["counts"].decode()},
    ]
    return {
        "images": [{"id": 1, "file_name": "a.png", "height": HEIGHT, "width": WIDTH}],
        "annotations": [
            {"image_id": 1, "category_id": n % 2, "iscrowd": 0, "segmentation": outline}
            for n, outline in enumerate(outlines)
        ],
        "categories": [{"id": 0, "name": "ant"}, {"id": 1, "name": "bee"}],
    }


def _labelme() -> dict[str, object]:
    points = [[x, y] for x, y in zip(SQUARE[::2], SQUARE[1::2], strict=True)]
    brush = base64.b64encode(_png("L")).decode()
    return {
        "imagePath": "a.png",
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
        "shapes": [
            {"label": "ant", "shape_type": "polygon", "points": points},
            {"label": "bee", "shape_type": "rectangle", "points": points[::2]},
            {"label": "ant", "shape_type": "circle", "points": points[:2]},
            {"label": "bee", "shape_type": "mask", "points": points[::2], "mask": brush},
        ],
    }


CVAT = f"""<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version><meta><job>
<labels><label><name>ant</name></label><label><name>bee</name></label></labels></job></meta>
<image id="0" name="a.png" width="{WIDTH}" height="{HEIGHT}">
<polygon label="ant" points="4.0,2.0;11,2;11,7;4,7" z_order="0"><attribute name="x">1</attribute>
</polygon><box label="bee" xtl="1" ytl="2" xbr="3" ybr="4" rotation="30" z_order="2"/>
<ellipse label="ant" cx="3" cy="4" rx="2" ry="1.5" z_order="1"/><tag label="ant"/>
<mask label="bee" left="2" top="3" width="4" height="2" rle="1,3,2,2" z_order="0"/>
<polyline label="bee" points="1,1;2,2"/></image></annotations>""".encode()

YOLO = b"0 0.1 0.1 0.5 0.1 0.5 0.5\n1 0.2 0.2 0.9 0.2 0.9 0.9 0.2 0.9\n"
DATA_YAML = b"path: .\ntrain: images\nval: ../images\nnc: 2\nnames:\n  0: ant\n  1: bee\n"


def _imported(name: str, **more: bytes) -> Callable[[object], None]:
    """A function that imports the annotations in a file `name`, with other files beside it."""

    def take(data: object) -> None:
        from seaformer_edge.training.import_labels import import_labels
        from seaformer_edge.training.pictures import read_ids

        given = _fresh("annotations", {name: data, **more})  # type: ignore[dict-item]
        (given / "images").mkdir()
        (given / "images" / "a.png").write_bytes(_png("RGB"))
        output = folder() / "imported"
        shutil.rmtree(output, ignore_errors=True)
        try:
            import_labels(given, given / "images", output)
        except Exception:
            assert not list(folder().glob("*imported*")), "a part of the data set is left"
            raise
        for path in output.glob("**/labels/*.png"):
            assert read_ids(path).shape == (HEIGHT, WIDTH)

    return take


def _words(data: bytes) -> Callable[[], SearchStrategy[bytes]]:
    return lambda: odd_words(data.decode())


def _cvat() -> SearchStrategy[bytes]:
    return odd_words(CVAT.decode(), r"(?<=[\",;])([\w.-]+)(?=[\",;])")


def _class_tables() -> SearchStrategy[tuple[str, bytes]]:
    tables = [st.tuples(st.just(n), odd_words(d.decode())) for n, d in CLASS_TABLES.items()]
    return st.one_of(tables)


LABEL_TARGETS = {
    "class tables": Target(_class_tables, _read_class_table, "torch"),
    "coco": Target(lambda: odd_inside(_coco()), _imported("_annotations.coco.json"), "pycocotools"),
    "labelme": Target(lambda: odd_inside(_labelme()), _imported("a.json"), "pycocotools"),
    "cvat": Target(_cvat, _imported("annotations.xml"), "pycocotools"),
    "yolo": Target(
        _words(YOLO), _imported("a.txt", **{"classes.txt": b"ant\nbee\n"}), "pycocotools"
    ),
    "data.yaml": Target(
        _words(DATA_YAML), _imported("data.yaml", **{"labels/a.txt": YOLO}), "pycocotools"
    ),
}
