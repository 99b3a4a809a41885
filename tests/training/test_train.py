from __future__ import annotations

import csv
import math
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")
pytest.importorskip("safetensors", reason="the train extra (safetensors) is not installed")

from msgspec.structs import replace
from tiny_training import CLASSES, STAGE

from seaformer_edge.errors import SourceError
from seaformer_edge.hub.class_list import ClassList
from seaformer_edge.nn import seaformer
from seaformer_edge.nn.checkpoint import load_checkpoint
from seaformer_edge.training.datasets import IGNORE, SEGMENTATION
from seaformer_edge.training.evaluate import (
    centre_square,
    eager_classifier,
    eager_predictor,
    predictions,
)
from seaformer_edge.training.layouts import folder
from seaformer_edge.training.lovasz import lovasz_softmax
from seaformer_edge.training.metrics import ConfusionMatrix
from seaformer_edge.training.optimizer import learning_rate_factor, parameter_groups
from seaformer_edge.training.tasks import ClassificationTask, SegmentationTask, cell_centers
from seaformer_edge.training.train import Trainer

IDS = SEGMENTATION["folder"].ids.copy()
IDS[9] = IGNORE

pytestmark = pytest.mark.usefixtures("tiny_variant")


def test_it_learns_sky_from_road(street, tmp_path):
    run = tmp_path / "run"
    best = Trainer(STAGE, CLASSES, street, run, workers=0).run()
    assert best > 0.65  # 0.86 to 0.95, by processor; one class everywhere has less than 0.4
    network, card = load_checkpoint(run / "best.safetensors")
    assert card.accuracy["mIoU"] == pytest.approx(best, abs=1e-4)
    assert card.data == "made up"
    matrix = ConfusionMatrix(2)
    predict = eager_predictor(network, (96, 128), card.mean, card.std)
    for truth, predicted in predictions(predict, folder(street, "val"), IDS, 2):
        matrix.update(truth, predicted)
    assert matrix.mean_iou == pytest.approx(best, abs=1e-6)
    with (run / "log.csv").open() as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == [12, 24]


def test_a_class_missing_in_the_labels_is_named(street, tmp_path, capsys):
    more = ClassList(("sky", "road", "car"), ((0, 0, 0),) * 3, 9)
    Trainer(replace(STAGE, steps=1), more, street, tmp_path / "run", workers=0).run()
    out = capsys.readouterr().out
    assert "no pixel of car in the training labels" in out
    assert "no pixel of car in the validation labels" in out
    assert "no pixel of sky" not in out


def test_training_starts_from_a_checkpoint(street, tmp_path):
    Trainer(replace(STAGE, steps=2), CLASSES, street, tmp_path / "first", workers=0).run()
    start = tmp_path / "first" / "final.safetensors"
    more = ClassList(("sky", "road", "car"), ((0, 0, 0),) * 3, 9)
    trainer = Trainer(STAGE, more, street, tmp_path / "second", warm_start=start, workers=0)
    first, _ = load_checkpoint(start)
    stem = "backbone.smb1.stem_block.0.c.weight"
    assert torch.equal(trainer.bare_network.state_dict()[stem], first.state_dict()[stem])


def test_learning_rate_warms_up_and_decays_to_zero():
    factors = [learning_rate_factor(step, STAGE) for step in range(STAGE.steps + 1)]
    assert factors[0] == pytest.approx(0.5)
    assert factors[1:] == sorted(factors[1:], reverse=True)
    assert factors[-1] == 0.0


def test_every_parameter_is_in_one_group_and_only_kernels_decay():
    network = seaformer.SeaFormerSegmenter("T", 2)
    stage = replace(STAGE, head_learning_rate_factor=10.0)
    groups = parameter_groups(network, stage)
    assert sum(len(g["params"]) for g in groups) == len(list(network.parameters()))
    for group in groups:
        for parameter in group["params"]:
            kernel = parameter.ndim == 4
            assert (group["weight_decay"] > 0) == kernel
    assert {g["lr"] for g in groups} == {1e-2, 1e-1}


@pytest.mark.parametrize(
    ("stride", "expected"),
    [(1, list(range(32))), (2, [0, 3, 4, 7]), (3, [1, 4, 7, 10]), (4, [1, 6, 9, 14])],
)
def test_cell_centers_lean_to_neither_side(stride, expected):
    pixels = cell_centers(32, stride)
    assert pixels[: len(expected)].tolist() == expected
    if 32 % (2 * stride) == 0:
        assert pixels.float().mean() == (32 - 1) / 2


def test_cell_centers_are_the_pixels_nearest_to_the_centres_of_equal_cells():
    for length in range(1, 70):
        for stride in range(1, 10):
            pixels = cell_centers(length, stride).tolist()
            cells = math.ceil(length / stride)
            assert len(pixels) == cells
            for cell, pixel in enumerate(pixels):
                centre = Fraction(2 * cell + 1, 2) * length / cells - Fraction(1, 2)
                nearest = min(abs(other - centre) for other in range(length))
                assert abs(pixel - centre) == nearest
                if nearest == Fraction(1, 2):
                    assert (pixel > centre) == cell % 2


@pytest.mark.parametrize("size", [(300, 512), (512, 300), (100, 100), (256, 256), (30, 900)])
def test_the_centre_square_of_imagenets_protocol(size):
    """Torchvision: Resize(256, BICUBIC), CenterCrop(224) of a PIL picture."""
    image = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8)
    square = centre_square(image, 0.875, 224)
    assert square.shape == (224, 224, 3)
    short = min(size)
    scaled = [int(256 * side / short) for side in size]
    box = [round((side - 224) / 2) for side in scaled]
    expected = Image.fromarray(image).resize(scaled, Image.Resampling.BICUBIC)
    expected = expected.crop((*box, box[0] + 224, box[1] + 224))
    assert np.array_equal(square, np.asarray(expected))
    assert centre_square(image, None, 224) is image


def test_ignored_labels_do_not_affect_the_loss(street):
    task = SegmentationTask(replace(STAGE, loss_stride=4, class_weights=False), CLASSES, street)
    logits = torch.randn(1, 2, 4, 4)
    labels = torch.zeros(1, 32, 32, dtype=torch.long)
    labels[:, :, 16:] = 255
    total, weight = task.loss(logits, labels)
    assert weight == 8 * 4
    logits[..., 3:] = 100 * torch.randn(1, 2, 4, 1)  # columns below 16 do not depend on it
    assert torch.equal(task.loss(logits, labels)[0], total)


def test_lovasz_is_added_by_its_weight(street):
    stage = replace(STAGE, loss_stride=1, class_weights=False)
    logits, labels = torch.randn(2, 2, 32, 32), torch.randint(0, 2, (2, 32, 32))
    labels[:, 20:] = 255
    plain, lovasz = (
        SegmentationTask(replace(stage, lovasz=share), CLASSES, street).loss(logits, labels)
        for share in (0, 0.5)
    )
    assert lovasz[1] == plain[1] == 2 * 20 * 32
    added = lovasz_softmax(logits[:, :, :20].movedim(1, 3).flatten(0, 2), labels[:, :20].flatten())
    torch.testing.assert_close((lovasz[0] - plain[0]) / plain[1], 0.5 * added)


def test_pictures_of_a_rare_class_are_repeated(street):
    pairs = folder(street, "train")
    cv2.imwrite(str(pairs[0][1]), np.full_like(cv2.imread(str(pairs[0][1]), 0), 2))
    more = ClassList(("sky", "road", "car"), ((0, 0, 0),) * 3, 9)
    threshold = 4 / len(pairs)
    task = SegmentationTask(replace(STAGE, repeat_threshold=threshold), more, street)
    assert len(task.training) == len(pairs) + 1  # sqrt(4) times
    assert task.training.count(pairs[0]) == 2


CLASSIFIER = replace(
    STAGE, task="classification", dataset="class-folders", eval_size=None, scale=(0.5, 1.0),
    colour=0.0, steps=60, eval_every=20, label_smoothing=0.1, ema_decay=0.9, batch_size=16,
    learning_rate=3e-3, drop_path_rate=0.0, dropout=0.0,
)  # fmt: skip
SHADES = ClassList(("dark", "bright"), ((0, 0, 0), (255, 255, 255)))


@pytest.fixture
def shades(tmp_path):
    rng = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 8)):
        for name, level in (("dark", 40), ("bright", 210)):
            folder = tmp_path / "data" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                image = np.clip(rng.normal(level, 20, (40, 40, 3)), 0, 255).astype(np.uint8)
                cv2.imwrite(str(folder / f"{i}.png"), image)
    return tmp_path / "data"


def test_a_classifier_learns_dark_from_light(shades, tmp_path):
    best = Trainer(CLASSIFIER, SHADES, shades, tmp_path / "run", workers=0).run()
    assert best > 0.75  # 0.94 to 1.0, by processor; guessing has 0.5
    network, card = load_checkpoint(tmp_path / "run" / "best.safetensors")
    assert card.task == "classification"
    assert card.accuracy["top-1"] == round(best, 4)
    assert network.num_classes == 2
    bright = np.full((40, 40, 3), 210, np.uint8)
    classify = eager_classifier(network, (64, 64), card.mean, card.std)
    assert card.classes[classify(bright).argmax()] == "bright"
    more = ClassList(("dark", "dim", "bright"), ((0, 0, 0),) * 3)
    with pytest.raises(SourceError, match="data: no training pictures of dim"):
        Trainer(CLASSIFIER, more, shades, tmp_path / "more", workers=0)


def test_a_classifier_learns_its_teachers_labels(shades, tmp_path):
    stage = replace(CLASSIFIER, teacher=1.0, label_smoothing=0.0, steps=40)
    with pytest.raises(SourceError, match=r"soft_labels\.npy: not a teacher's soft labels"):
        Trainer(stage, SHADES, shades, tmp_path / "run", workers=0)
    task = ClassificationTask(CLASSIFIER, SHADES, shades)
    wrong = np.zeros((16, 2, 2, 2), np.float16)
    for cells, (_, class_id) in zip(wrong, task.training, strict=True):
        cells[1 - class_id] = 6
    np.save(shades / "train" / "soft_labels.npy", wrong)
    Trainer(stage, SHADES, shades, tmp_path / "run", workers=0).run()
    network, card = load_checkpoint(tmp_path / "run" / "final.safetensors")
    bright = np.full((40, 40, 3), 210, np.uint8)
    classify = eager_classifier(network, (64, 64), card.mean, card.std)
    assert SHADES.names[classify(bright).argmax()] == "dark"
    for teacher in (0.25, 0.75):
        samples = ClassificationTask(replace(stage, teacher=teacher), SHADES, shades).samples(1)
        crop, target = samples[0]
        true = int(crop.float().mean() > 125)
        assert float(target[true]) == pytest.approx(1 - teacher, abs=0.01)
        assert float(target.sum()) == pytest.approx(1)


def test_two_processes_learn_as_one(street, tmp_path):
    """The same total batch gives the same loss curve up to rounding, over two stages."""
    script = Path(__file__).with_name("train_tiny.py")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    curves = []
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for launcher in ([], torchrun):
        run = tmp_path / f"run{len(curves)}"
        command = [sys.executable, *launcher, script, street, run, "2"]
        subprocess.run(command, check=True, env=environment, capture_output=True, timeout=200)
        curve = []
        for stage in ("stage-1", "stage-2"):
            with (run / stage / "log.csv").open() as file:
                curve += [float(row["loss"]) for row in csv.DictReader(file)]
        curves.append(curve)
        assert (run / "final.safetensors").is_file()
    assert len(curves[0]) == 20
    assert curves[1] == pytest.approx(curves[0], abs=2e-5)
