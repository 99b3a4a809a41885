"""Folder layouts of data sets: which picture belongs to which label.

A segmentation layout returns (picture, label file) pairs; a classification layout takes the names
of the classes and returns (picture, class id) pairs. In your own sets a folder has the name of its
class; in the published ones the class ids follow the sorted names of the folders.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from seaformer_edge.errors import SourceError

Pair = tuple[Path, Path]
Sample = tuple[Path, int]

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
MASK_SUFFIXES = frozenset({".png", ".bmp", ".tif", ".tiff"})
SPLIT_NAMES = {"val": ("val", "valid", "validation"), "train": ("train", "training")}
# The last ones are PASCAL VOC's, which CVAT exports.
IMAGE_FOLDERS = ("images", "image", "jpegimages")
LABEL_FOLDERS = ("labels", "masks", "label", "mask", "segmentationclass")
MASK = "_mask"
HINT = "expected images/ and labels/ (or masks/), alone or in train/ and val/"


def split_folder(root: Path, split: str) -> Path | None:
    """The folder of a split: `val`, `valid` or `validation`; None: there is none."""
    names = SPLIT_NAMES.get(split, (split,))
    return next((root / name for name in names if (root / name).is_dir()), None)


def is_divided(root: Path) -> bool:
    """Whether your own data set has pictures for "val", so that none of "train" is held out."""
    return _places(root, "val") is not None


def folder(root: Path, split: str) -> list[Pair]:
    """Your own: `{train,val}/{images,labels}`, `{images,labels}/{train,val}`,
    `train/{images,labels}` or `{images,labels}`.

    Without a folder for "val" a tenth of the pictures, chosen by a hash of the name and at least
    one, is "val" and the others are "train". The label of `a.jpg` is `a.png` or `a_mask.png` in
    `labels` or `masks`; without these folders `a_mask.png` beside the picture.
    """
    places = _places(root, split)
    divide = not is_divided(root) and (split == "train" or places is None)
    if places is None and divide:
        places = _places(root, "train")
    images, labels = places or _images_and_labels(root)
    pictures = pictures_in(images, hint=HINT)
    if labels == images:
        pictures = [p for p in pictures if not p.stem.endswith(MASK)]
    if divide:
        if len(pictures) < 2:
            raise SourceError(f"{images}: {len(pictures)} picture: training needs two or more")
        held_out = _held_out(pictures)
        pictures = [p for p in pictures if (p in held_out) == (split != "train")]
    masks = _masks_by_stem(labels) if labels.is_dir() else {}
    usual = "" if labels != images else MASK
    return paired(
        images,
        ((p, _mask_of(p, masks, usual) or labels / f"{p.stem}{usual}.png") for p in pictures),
    )


def _places(root: Path, split: str) -> tuple[Path, Path] | None:
    """The folders of a split's pictures and masks; None: it has none of its own."""
    if base := split_folder(root, split):
        return _images_and_labels(base)
    images, labels = _images_and_labels(root)
    inner = split_folder(images, split)
    return (inner, labels / inner.name) if inner else None


def _images_and_labels(base: Path) -> tuple[Path, Path]:
    images = _child(base, IMAGE_FOLDERS)
    labels = _child(base, LABEL_FOLDERS)
    if labels is None and _has_masks(beside := images or base):
        return beside, beside
    return images or base / IMAGE_FOLDERS[0], labels or base / LABEL_FOLDERS[0]


def _child(base: Path, names: Sequence[str]) -> Path | None:
    """The first folder of these names, in capitals or not."""
    if not base.is_dir():
        return None
    found = {p.name.lower(): p for p in sorted(base.iterdir()) if p.is_dir()}
    return next((found[name] for name in names if name in found), None)


def _has_masks(base: Path) -> bool:
    return any(p.suffix.lower() in MASK_SUFFIXES for p in base.glob(f"[!.]*{MASK}.*"))


def _masks_by_stem(labels: Path) -> dict[str, Path]:
    found = (p for p in sorted(labels.glob("[!.]*"), reverse=True))
    return {p.stem: p for p in found if p.suffix.lower() in MASK_SUFFIXES}


def _mask_of(picture: Path, masks: dict[str, Path], usual: str) -> Path | None:
    stem = picture.stem
    return masks.get(stem + MASK) if usual else masks.get(stem) or masks.get(stem + MASK)


def _held_out(pictures: Sequence[Path]) -> set[Path]:
    """A tenth of the pictures by a hash of the name; at least one of several."""
    hashes = {p: zlib.crc32(p.stem.encode()) for p in pictures}
    chosen = {p for p, value in hashes.items() if value % 10 == 0}
    if not chosen or (len(chosen) == len(pictures) and len(pictures) > 1):
        chosen = {min(pictures, key=lambda p: (hashes[p], p))}
    return chosen


def camvid(root: Path, split: str) -> list[Pair]:
    """SegNet's tutorial: `{split}` and `{split}annot`; or `{split}/{images,labels}`."""
    if not (root / f"{split}annot").is_dir():
        return folder(root, split)
    images, labels = root / split, root / f"{split}annot"
    return paired(images, ((p, labels / f"{p.stem}.png") for p in pictures_in(images)))


def ade20k(root: Path, split: str) -> list[Pair]:
    """ADEChallengeData2016: `{images,annotations}/{training,validation}`."""
    name = {"train": "training", "val": "validation"}.get(split, split)
    images, labels = root / "images" / name, root / "annotations" / name
    return paired(images, ((p, labels / f"{p.stem}.png") for p in pictures_in(images)))


def cityscapes(root: Path, split: str) -> list[Pair]:
    """`leftImg8bit/{split}/CITY/*_leftImg8bit.png` and `gtFine/.../*_gtFine_labelIds.png`."""
    images, labels = root / "leftImg8bit" / split, root / "gtFine" / split
    suffix = "_leftImg8bit"
    return paired(
        images,
        (
            (p, labels / p.parent.name / f"{p.stem.removesuffix(suffix)}_gtFine_labelIds.png")
            for p in pictures_in(images, "*/*")
        ),
    )


def pascal_context(root: Path, split: str) -> list[Pair]:
    """VOC2010: `ImageSets/SegmentationContext/{split}.txt`, `JPEGImages`,
    `SegmentationClassContext` (PNG, 0 background, 1 to 59, as mmsegmentation converts them)."""
    listing = root / "ImageSets" / "SegmentationContext" / f"{split}.txt"
    try:
        names = listing.read_text().split()
    except OSError as error:
        raise SourceError(f"{listing}: cannot be read ({error.strerror})") from error
    images, labels = root / "JPEGImages", root / "SegmentationClassContext"
    return paired(listing, ((images / f"{n}.jpg", labels / f"{n}.png") for n in names))


def coco_stuff(root: Path, split: str) -> list[Pair]:
    """COCO-Stuff 10k: `{images,annotations}/{train2014,test2014}`, labels
    `*_labelTrainIds.png` (0 unlabelled, 1 to 171, as mmsegmentation converts them)."""
    name = "train2014" if split == "train" else "test2014"
    images, labels = root / "images" / name, root / "annotations" / name
    return paired(
        images, ((p, labels / f"{p.stem}_labelTrainIds.png") for p in pictures_in(images))
    )


def class_folders(root: Path, split: str, names: Sequence[str]) -> list[Sample]:
    """Your own: `{train,val}/CLASS/*` or `CLASS/*`, with or without a folder `images` in CLASS.

    Without a folder for "val" a tenth of each class is "val". A split may lack some classes.
    """
    base = split_folder(root, split)
    divide = split_folder(root, "val") is None and (split == "train" or base is None)
    base = base or (split_folder(root, "train") if divide else root / split) or root
    ids = {name: i for i, name in enumerate(names)}
    folders = _folders(base)
    if unknown := [path.name for path in folders if path.name not in ids]:
        raise SourceError(
            f"{base}: {some(unknown)} not in the class list; give each folder the name of its class"
        )
    samples = []
    for path in sorted(folders, key=lambda path: ids[path.name]):
        pictures = _pictures(path / "images" if (path / "images").is_dir() else path)
        if divide:
            held_out = _held_out(pictures) if len(pictures) > 1 else set()
            pictures = [p for p in pictures if (p in held_out) == (split != "train")]
        samples += [(p, ids[path.name]) for p in pictures]
    if not samples:
        raise SourceError(f"{base}: no pictures for this split")
    return samples


def imagenet(root: Path, split: str, names: Sequence[str]) -> list[Sample]:
    """ImageNet: `{split}/WNID/*`; Tiny-ImageNet's `{split}/WNID/images/*` as well."""
    folders = _numbered(root / split, names)
    return [(p, i) for i, path in enumerate(folders) for p in _pictures_of_class(path)]


def tiny_imagenet(root: Path, split: str, names: Sequence[str]) -> list[Sample]:
    """`train/WNID/images/*`, and for "val" `val/images` with `val/val_annotations.txt`."""
    if split != "val":
        return imagenet(root, split, names)
    ids = {path.name: i for i, path in enumerate(_numbered(root / "train", names))}
    listing = root / "val" / "val_annotations.txt"
    try:
        rows = [line.split("\t") for line in listing.read_text().splitlines()]
        return [(root / "val" / "images" / row[0], ids[row[1]]) for row in rows]
    except (OSError, ValueError, LookupError) as error:
        raise SourceError(f"{listing}: not Tiny-ImageNet's list of labels ({error})") from error


def _folders(root: Path) -> list[Path]:
    found = sorted(path for path in root.glob("[!.]*") if path.is_dir() and path.name != "__MACOSX")
    if not found:
        raise SourceError(f"{root}: expected a folder of pictures for each class in it")
    return found


def _numbered(root: Path, names: Sequence[str]) -> list[Path]:
    """The folders of the classes; their order is the class ids, so none may be missing."""
    found = _folders(root)
    if len(found) != len(names):
        raise SourceError(
            f"{root}: {len(found)} folders of classes, but {len(names)} classes in the list"
        )
    return found


def _pictures_of_class(folder: Path) -> list[Path]:
    return pictures_in(folder / "images" if (folder / "images").is_dir() else folder)


def some(names: Sequence[str]) -> str:
    """The first names, and the number of the others."""
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")


def pictures_in(images: Path, pattern: str = "*", hint: str = "another layout?") -> list[Path]:
    """The pictures of a folder, in the order of their names.

    Args:
        hint: what to say of a folder that is missing.

    Raises:
        SourceError: there is no such folder, or no picture in it.
    """
    if not images.is_dir():
        raise SourceError(f"{images}: no such folder: {hint}")
    if not (found := _pictures(images, pattern)):
        raise SourceError(f"{images}: no pictures")
    return found


def _pictures(images: Path, pattern: str = "*") -> list[Path]:
    return sorted(
        p
        for p in images.glob(pattern)
        if p.suffix.lower() in PICTURE_SUFFIXES and not p.name.startswith("._")  # of macOS
    )


def paired(where: Path, pairs: Iterable[Pair]) -> list[Pair]:
    """The pairs as a list; `check_labels` says which of their files are missing.

    Raises:
        SourceError: there are none.
    """
    found = list(pairs)
    if not found:
        raise SourceError(f"{where}: no pictures for this split")
    return found
