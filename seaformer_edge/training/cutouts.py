"""Copy-paste augmentation: cut-out objects pasted onto training pictures.

A data set's folder `cutouts` has a folder of pictures for each class that is pasted, named as the
class: `cutouts/bottle/a.webp`. Their alpha channel is the outline.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seaformer_edge.errors import SourceError
from seaformer_edge.hub.class_list import ClassList
from seaformer_edge.training.layouts import pictures_in

FOLDER = "cutouts"
MOST = 3
"""Objects that are pasted onto one picture."""
SCALE = (0.3, 1.2)
LARGEST = 0.8
"""Longest side of a pasted object, as a share of the picture's."""


@dataclass(frozen=True)
class Cutouts:
    """Cut-out objects: (class id, their pictures) of each class that has some."""

    classes: tuple[tuple[int, tuple[Path, ...]], ...]

    @classmethod
    def of(cls, data_root: Path, classes: ClassList) -> Cutouts:
        """Those of a data set.

        Raises:
            SourceError: it has none, a folder is not named as a class, or a picture has no alpha
                channel.
        """
        root = data_root / FOLDER
        folders = sorted(p for p in root.iterdir() if p.is_dir()) if root.is_dir() else []
        if not folders:
            raise SourceError(f"{root}: no cut-out objects: expected a folder for each class")
        found = []
        for folder in folders:
            if folder.name not in classes.names:
                raise SourceError(f"{folder}: no class is called {folder.name!r}")
            paths = tuple(pictures_in(folder))
            for path in paths:
                _check_alpha(path)
            found.append((classes.names.index(folder.name), paths))
        return cls(tuple(found))

    def paste(
        self, image: NDArray[np.uint8], labels: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Copies of (H, W, 3) RGB and (H, W) labels with one to `MOST` objects pasted.

        Each class is as likely as any other, however few its pictures are. The middle of an
        object lies inside the picture.
        """
        image, labels = image.copy(), labels.copy()
        for _ in range(int(rng.integers(1, MOST + 1))):
            class_id, paths = self.classes[int(rng.integers(len(self.classes)))]
            cutout = _read(paths[int(rng.integers(len(paths)))])
            _paste(image, labels, _resized(cutout, image.shape, rng), class_id, rng)
        return image, labels


def _check_alpha(path: Path) -> None:
    try:
        with Image.open(path) as picture:
            bands = picture.getbands()
    except Exception as error:  # Pillow's readers raise many kinds
        raise SourceError(f"{path}: cannot be read as a picture") from error
    if bands != ("R", "G", "B", "A"):
        raise SourceError(f"{path}: no alpha channel: save the object as an RGBA PNG or WebP")


def _read(path: Path) -> NDArray[np.uint8]:
    """(h, w, 4) RGBA."""
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGBA"))
    except Exception as error:
        raise SourceError(f"{path}: cannot be read as a picture") from error


def _resized(
    cutout: NDArray[np.uint8], picture: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """At a random size, half of the time mirrored."""
    height, width = cutout.shape[:2]
    scale = float(np.exp(rng.uniform(*np.log(SCALE))))
    scale = min(scale, LARGEST * max(picture[:2]) / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = np.asarray(cv2.resize(cutout, size, interpolation=interpolation), np.uint8)
    return resized[:, ::-1] if rng.random() < 0.5 else resized


def _paste(
    image: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    cutout: NDArray[np.uint8],
    class_id: int,
    rng: np.random.Generator,
) -> None:
    """Blends the object in at a random place; pixels that it covers by half get its class."""
    (height, width), (rows, columns) = labels.shape, cutout.shape[:2]
    top = int(rng.integers(height)) - rows // 2
    left = int(rng.integers(width)) - columns // 2
    inside = slice(max(top, 0), top + rows), slice(max(left, 0), left + columns)
    seen = cutout[max(-top, 0) :, max(-left, 0) :][: height - inside[0].start]
    seen = seen[:, : width - inside[1].start]
    alpha = seen[..., 3:].astype(np.float32) / 255
    below = image[inside].astype(np.float32)
    image[inside] = np.rint(below + alpha * (seen[..., :3] - below)).astype(np.uint8)
    labels[inside][seen[..., 3] >= 128] = class_id
