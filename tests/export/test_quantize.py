from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="the train extra (torch) is not installed")
pytest.importorskip("executorch.exir", reason="the train extra (executorch) is not installed")

import cv2
import numpy as np
from tiny_networks import TINY, checkpoint_card, eager_logits, picture, trained_network

from seaformer_edge.errors import SourceError
from seaformer_edge.export.program import export
from seaformer_edge.export.quantize import CALIBRATION_PICTURES, calibration_pictures
from seaformer_edge.hub.card import verify
from seaformer_edge.nn import seaformer
from seaformer_edge.runtime import open_program

pytestmark = pytest.mark.filterwarnings("ignore")  # the exporter's libraries warn at length


# Quantised networks take longest to lower, so this one has no second stage of attention.
VARIANT = replace(TINY, depths=(1, 0))


@pytest.fixture(autouse=True)
def tiny_variant(monkeypatch):
    monkeypatch.setitem(seaformer.VARIANTS, "T", VARIANT)


@pytest.fixture
def folder(tmp_path):
    """Four pictures similar to the one that the programs are compared on."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i, flipped in enumerate(picture(64, 128)[::a, ::b] for a in (1, -1) for b in (1, -1)):
        cv2.imwrite(str(pictures / f"{i}.png"), flipped[:, :, ::-1])
    return pictures


def export_int8(task, size, tmp_path, folder):
    """The logits of one picture: from PyTorch and from the int8 program."""
    network, image = trained_network(task, 5), picture(*size)
    export(
        network,
        checkpoint_card(task, 5),
        *size,
        tmp_path / "int8.pte",
        precision="int8",
        calibrate=folder,
    )
    program = open_program(tmp_path / "int8.pte", num_threads=1)
    expected = eager_logits(network, image).numpy()
    return np.moveaxis(expected, 0, -1), program.run(image.astype(np.float32))


def relative_error(expected, logits):
    return np.linalg.norm(logits - expected) / np.linalg.norm(expected - expected.mean())


# Rounding changes the logits of random weights more than those of trained ones.
TOLERANCE = 0.2


def test_an_int8_segmenter(tmp_path, folder, cached_lowering):
    expected, logits = export_int8("segmentation", (64, 128), tmp_path, folder)
    assert relative_error(expected, logits[..., :5]) < TOLERANCE
    assert len(np.unique(logits)) <= 256, "the logits are not int8"

    card = verify(tmp_path / "int8.pte")
    assert card.precision == "int8"
    assert card.origin == "test; int8 ranges from 4 pictures"
    assert card.accuracy == {}

    # Conversions only at the input and output, three around each block's squeezed attention and two
    # around each resized gate, which run in fp32. No clamp: the range of int8 has the same effect.
    assert cached_lowering.operators["XNNConvert"] == 2 + 3 * sum(VARIANT.depths) + 2 * len(
        TINY.head_channels
    )
    assert cached_lowering.operators["XNNClamp"] == 0


def test_an_int8_classifier(tmp_path, folder, cached_lowering):
    expected, logits = export_int8("classification", (64, 64), tmp_path, folder)
    assert relative_error(expected, logits[:5]) < TOLERANCE
    assert expected.argmax() == logits.argmax()
    # Input and output, the squeezed attention, and two around the last pooling.
    assert cached_lowering.operators["XNNConvert"] == 2 + 3 * sum(VARIANT.depths) + 2
    assert cached_lowering.operators["XNNClamp"] == 0


def test_calibration_pictures_are_a_fixed_random_sample_of_the_folder(tmp_path):
    for i in range(CALIBRATION_PICTURES + 8):
        file = tmp_path / f"class{i % 2}" / "images" / f"{i}.JPEG"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(cv2.imencode(".jpg", picture(8, 8))[1].tobytes())
    drawn = calibration_pictures(tmp_path, "classification").files
    assert len(set(drawn)) == CALIBRATION_PICTURES
    assert {file.parent.parent.name for file in drawn} == {"class0", "class1"}
    assert drawn == calibration_pictures(tmp_path, "classification").files


def test_calibration_leaves_out_label_masks(tmp_path):
    pictures = ["train/images/a.png", "leftImg8bit/val/city/b.png", "train/c.png"]
    masks = ["train/labels/a.png", "gtFine/val/city/b_color.png", "train/c_mask.png"]
    masks += ["annotations/training/a.png", "valannot/d.png", "SegmentationClass/e.png"]
    for name in pictures + masks:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / name), picture(8, 8))
    drawn = calibration_pictures(tmp_path, "segmentation").files
    assert sorted(drawn) == sorted(tmp_path / name for name in pictures)
    assert len(calibration_pictures(tmp_path, "classification").files) == len(pictures + masks)


def test_a_folder_without_pictures_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(SourceError, match=f"{folder.name}: no pictures for the calibration"):
            calibration_pictures(folder, "segmentation")
