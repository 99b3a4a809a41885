from __future__ import annotations

import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")
pytest.importorskip("safetensors", reason="the train extra (safetensors) is not installed")

from tiny_networks import TINY

from seaformer_edge.errors import ModelError, SourceError
from seaformer_edge.hub.card import read_card
from seaformer_edge.hub.class_list import ClassList, read_class_list
from seaformer_edge.nn import seaformer
from seaformer_edge.nn.checkpoint import load_checkpoint
from seaformer_edge.training.datasets import CLASSIFICATION, IGNORE, SEGMENTATION
from seaformer_edge.training.evaluate import eager_classifier, eager_predictor, predictions
from seaformer_edge.training.layouts import folder
from seaformer_edge.training.lovasz import lovasz_softmax
from seaformer_edge.training.metrics import ConfusionMatrix
from seaformer_edge.training.recipe import MULTIPLE, Recipe, read_recipe
from seaformer_edge.training.tasks import ClassificationTask, SegmentationTask, cell_centers
from seaformer_edge.training.train import (
    Trainer,
    learning_rate_factor,
    parameter_groups,
)

CLASSES = ClassList(("sky", "road"), ((70, 130, 180), (128, 64, 128)), ignore_index=9)
IDS = SEGMENTATION["folder"].ids.copy()
IDS[9] = IGNORE
RECIPE = Recipe(
    name="tiny",
    variant="T",
    classes="street",
    data="made up",
    licence="none",
    steps=24,
    batch_size=4,
    crop=(64, 64),
    eval_size=(96, 128),
    learning_rate=1e-2,
    head_learning_rate_factor=1.0,
    warmup_steps=2,
    class_weights=True,
    loss_stride=2,
    eval_every=12,
)


@pytest.fixture(autouse=True)
def tiny_variant(monkeypatch):
    monkeypatch.setitem(seaformer.VARIANTS, "T", TINY)


def test_it_learns_sky_from_road(street, tmp_path):
    run = tmp_path / "run"
    best = Trainer(RECIPE, CLASSES, street, run, workers=0).run()
    assert best > 0.8
    network, card = load_checkpoint(run / "best.safetensors")
    assert card.accuracy["mIoU"] == pytest.approx(best, abs=1e-4)
    assert card.data == "made up"
    matrix = ConfusionMatrix(2)
    predict = eager_predictor(network, (96, 128))
    for truth, predicted in predictions(predict, folder(street, "val"), IDS, 2):
        matrix.update(truth, predicted)
    assert matrix.mean_iou == pytest.approx(best, abs=1e-6)
    with (run / "log.csv").open() as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == [12, 24]


def test_an_interrupted_run_ends_as_an_uninterrupted_one(street, tmp_path, monkeypatch):
    Trainer(RECIPE, CLASSES, street, tmp_path / "whole", workers=0).run()

    step = Trainer.train_step

    def stopped(self, *batch):
        if self.step == 17:
            self._save()
            raise KeyboardInterrupt
        return step(self, *batch)

    monkeypatch.setattr(Trainer, "train_step", stopped)
    with pytest.raises(KeyboardInterrupt):
        Trainer(RECIPE, CLASSES, street, tmp_path / "halves", workers=0).run()
    monkeypatch.undo()
    monkeypatch.setitem(seaformer.VARIANTS, "T", TINY)
    resumed = Trainer(RECIPE, CLASSES, street, tmp_path / "halves", workers=0)
    assert resumed.step == 17
    resumed.run()

    whole, _ = load_checkpoint(tmp_path / "whole" / "final.safetensors")
    halves, _ = load_checkpoint(tmp_path / "halves" / "final.safetensors")
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(halves.state_dict()[name], tensor, rtol=0, atol=1e-6)


def test_a_class_that_no_label_shows_is_named(street, tmp_path, capsys):
    more = ClassList(("sky", "road", "car"), ((0, 0, 0),) * 3, 9)
    Trainer(replace(RECIPE, steps=1), more, street, tmp_path / "run", workers=0).run()
    out = capsys.readouterr().out
    assert "no pixel of car in the training labels" in out
    assert "no pixel of car in the validation labels" in out
    assert "no pixel of sky" not in out


def test_binary_masks_are_refused_before_training(street, tmp_path):
    for path in street.rglob("labels/*.png"):
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(path), (mask == 1) * np.uint8(255))
    with pytest.raises(SourceError, match="hold 0 and 255, and 255 is ignored; write ids 0, 1"):
        Trainer(replace(RECIPE, class_weights=False), CLASSES, street, tmp_path / "run", workers=0)


def test_training_starts_from_a_checkpoint(street, tmp_path):
    Trainer(replace(RECIPE, steps=2), CLASSES, street, tmp_path / "first", workers=0).run()
    start = tmp_path / "first" / "final.safetensors"
    more = ClassList(("sky", "road", "car"), ((0, 0, 0),) * 3, 9)
    trainer = Trainer(RECIPE, more, street, tmp_path / "second", initial=start, workers=0)
    first, _ = load_checkpoint(start)
    stem = "backbone.smb1.stem_block.0.c.weight"
    assert torch.equal(trainer.bare_network.state_dict()[stem], first.state_dict()[stem])


def test_learning_rate_warms_up_and_decays_to_zero():
    factors = [learning_rate_factor(step, RECIPE) for step in range(RECIPE.steps + 1)]
    assert factors[0] == pytest.approx(0.5)
    assert factors[1:] == sorted(factors[1:], reverse=True)
    assert factors[-1] == 0.0


def test_every_parameter_is_in_one_group_and_only_kernels_decay():
    network = seaformer.SeaFormerSegmenter("T", 2)
    recipe = replace(RECIPE, head_learning_rate_factor=10.0)
    groups = parameter_groups(network, recipe)
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
def test_the_middles_of_cells_lean_to_neither_side(stride, expected):
    pixels = cell_centers(32, stride)
    assert pixels[: len(expected)].tolist() == expected
    if 32 % (2 * stride) == 0:
        assert pixels.float().mean() == (32 - 1) / 2


def test_ignored_labels_have_no_say_in_the_loss(street):
    task = SegmentationTask(replace(RECIPE, loss_stride=4, class_weights=False), CLASSES, street)
    logits = torch.randn(1, 2, 4, 4)
    labels = torch.zeros(1, 32, 32, dtype=torch.long)
    labels[:, :, 16:] = 255
    total, weight = task.loss(logits, labels)
    assert weight == 8 * 4
    logits[..., 3:] = 100 * torch.randn(1, 2, 4, 1)  # their influence ends before column 16
    assert torch.equal(task.loss(logits, labels)[0], total)


def test_lovasz_is_added_by_its_weight(street):
    recipe = replace(RECIPE, loss_stride=1, class_weights=False)
    logits, labels = torch.randn(2, 2, 32, 32), torch.randint(0, 2, (2, 32, 32))
    labels[:, 20:] = 255
    plain, lovasz = (
        SegmentationTask(replace(recipe, lovasz=share), CLASSES, street).loss(logits, labels)
        for share in (0, 0.5)
    )
    assert lovasz[1] == plain[1] == 2 * 20 * 32
    added = lovasz_softmax(logits[:, :, :20].movedim(1, 3).flatten(0, 2), labels[:, :20].flatten())
    torch.testing.assert_close((lovasz[0] - plain[0]) / plain[1], 0.5 * added)


def test_pictures_of_a_rare_class_come_more_often(street):
    pairs = folder(street, "train")
    cv2.imwrite(str(pairs[0][1]), np.full_like(cv2.imread(str(pairs[0][1]), 0), 2))
    more = ClassList(("sky", "road", "car"), ((0, 0, 0),) * 3, 9)
    threshold = 4 / len(pairs)
    task = SegmentationTask(replace(RECIPE, repeat_threshold=threshold), more, street)
    assert len(task.training) == len(pairs) + 1  # sqrt(4) times
    assert task.training.count(pairs[0]) == 2


def test_a_run_is_not_resumed_with_another_recipe(street, tmp_path):
    Trainer(replace(RECIPE, steps=2), CLASSES, street, tmp_path / "run", workers=0).run()
    with pytest.raises(ModelError, match="another recipe; seed differ"):
        Trainer(replace(RECIPE, steps=2, seed=1), CLASSES, street, tmp_path / "run", workers=0)


def test_a_run_is_not_resumed_with_another_class_list(street, tmp_path):
    recipe, run = replace(RECIPE, steps=2, class_weights=False), tmp_path / "run"
    Trainer(recipe, CLASSES, street, run, workers=0).run()
    with pytest.raises(ModelError, match=r"last\.pt: .* another class list; names differ"):
        Trainer(recipe, replace(CLASSES, names=("road", "sky")), street, run, workers=0)
    with pytest.raises(ModelError, match="another class list; ignore_index differ"):
        Trainer(recipe, replace(CLASSES, ignore_index=8), street, run, workers=0)


def test_a_run_that_kept_no_classes_is_resumed_if_they_fit(street, tmp_path):
    recipe, run = replace(RECIPE, steps=2), tmp_path / "run"
    Trainer(recipe, CLASSES, street, run, workers=0).run()
    state = torch.load(run / "last.pt", weights_only=True)
    del state["classes"]
    torch.save(state, run / "last.pt")
    assert Trainer(recipe, CLASSES, street, run, workers=0).step == 2
    more = ClassList(("sky", "road", "car"), ((0, 0, 0),) * 3, 9)
    with pytest.raises(ModelError, match=r"last\.pt: does not fit the network of this recipe"):
        Trainer(recipe, more, street, run, workers=0)


def test_an_older_run_had_newer_entries_of_a_recipe_at_their_defaults(street, tmp_path):
    recipe, run = replace(RECIPE, steps=2), tmp_path / "run"
    Trainer(recipe, CLASSES, street, run, workers=0).run()
    state = torch.load(run / "last.pt", weights_only=True)
    del state["recipe"]["repeat_threshold"]
    torch.save(state, run / "last.pt")
    assert Trainer(recipe, CLASSES, street, run, workers=0).step == 2
    with pytest.raises(ModelError, match="another recipe; repeat_threshold differ"):
        Trainer(replace(recipe, repeat_threshold=0.1), CLASSES, street, run, workers=0)


def test_a_resumed_run_keeps_its_origin_and_logs_no_step_twice(street, tmp_path):
    recipe, run = replace(RECIPE, steps=3, eval_every=1), tmp_path / "run"
    Trainer(replace(recipe, name="start"), CLASSES, street, tmp_path / "first", workers=0).run()
    start = tmp_path / "first" / "final.safetensors"
    Trainer(recipe, CLASSES, street, run, initial=start, workers=0).run()
    state = torch.load(run / "last.pt", weights_only=True)
    torch.save(state | {"step": 2}, run / "last.pt")  # as if it had been killed in the third
    Trainer(recipe, CLASSES, street, run, workers=0).run()
    steps = [row.split(",")[0] for row in (run / "log.csv").read_text().splitlines()]
    assert steps == ["step", "1", "2", "3"]
    assert read_card(run / "final.safetensors").origin == "trained by seaformer-edge, from start"


def test_what_is_only_measured_may_change_in_a_run(street, tmp_path):
    Trainer(replace(RECIPE, steps=2), CLASSES, street, tmp_path / "run", workers=0).run()
    changed = replace(RECIPE, steps=2, eval_size=(64, 64), eval_every=1)
    assert Trainer(changed, CLASSES, street, tmp_path / "run", workers=0).step == 2


@pytest.mark.parametrize("content", ["half", "nothing", "foreign"])
def test_a_run_is_not_resumed_from_a_damaged_or_foreign_file(street, tmp_path, content):
    recipe, path = replace(RECIPE, steps=1), tmp_path / "last.pt"
    Trainer(recipe, CLASSES, street, tmp_path, workers=0).run()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content == "half" else b"")
    if content == "foreign":
        torch.save({"state_dict": {}}, path)
    with pytest.raises(ModelError, match=r"last\.pt: .*not of a training run"):
        Trainer(recipe, CLASSES, street, tmp_path, workers=0)


def test_a_file_is_no_folder_of_a_run(street, tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(ModelError, match=r"run: cannot be the folder of the run \(File exists"):
        Trainer(RECIPE, CLASSES, street, tmp_path / "run", workers=0).run()
    assert (tmp_path / "run").read_text() == "mine"


def test_a_full_disk_leaves_the_previous_checkpoint_whole(street, tmp_path, monkeypatch):
    trainer = Trainer(replace(RECIPE, steps=2), CLASSES, street, tmp_path, workers=0)
    trainer.run()
    before = (tmp_path / "last.pt").read_bytes()

    def full(state, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(ModelError, match=r"last\.pt: cannot be written \(No space left"):
        trainer._save()
    assert (tmp_path / "last.pt").read_bytes() == before
    assert not (tmp_path / "last.pt.tmp").exists()


CLASSIFIER = replace(
    RECIPE, task="classification", dataset="class-folders", eval_size=None, scale=(0.5, 1.0),
    colour=0.0, steps=120, eval_every=40, label_smoothing=0.1, ema_decay=0.9,
)  # fmt: skip
SHADES = ClassList(("dark", "bright"), ((0, 0, 0), (255, 255, 255)))


@pytest.fixture
def shades(tmp_path):
    rng = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 4)):
        for name, level in (("dark", 40), ("bright", 210)):
            folder = tmp_path / "data" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                image = np.clip(rng.normal(level, 20, (40, 40, 3)), 0, 255).astype(np.uint8)
                cv2.imwrite(str(folder / f"{i}.png"), image)
    return tmp_path / "data"


def test_a_classifier_learns_dark_from_light(shades, tmp_path):
    best = Trainer(CLASSIFIER, SHADES, shades, tmp_path / "run", workers=0).run()
    assert best > 0.9
    network, card = load_checkpoint(tmp_path / "run" / "best.safetensors")
    assert card.task == "classification"
    assert card.accuracy["top-1"] == round(best, 4)
    assert network.num_classes == 2
    bright = np.full((40, 40, 3), 210, np.uint8)
    assert card.classes[eager_classifier(network, (64, 64))(bright).argmax()] == "bright"
    more = ClassList(("dark", "dim", "bright"), ((0, 0, 0),) * 3)
    with pytest.raises(SourceError, match="data: no training pictures of dim"):
        Trainer(CLASSIFIER, more, shades, tmp_path / "more", workers=0)


def test_a_classifier_believes_its_teacher(shades, tmp_path):
    recipe = replace(CLASSIFIER, teacher=1.0, label_smoothing=0.0, steps=80, learning_rate=3e-3)
    with pytest.raises(SourceError, match=r"soft_labels\.npy: not a teacher's soft labels"):
        Trainer(recipe, SHADES, shades, tmp_path / "run", workers=0)
    task = ClassificationTask(CLASSIFIER, SHADES, shades)
    wrong = np.zeros((16, 2, 2, 2), np.float16)
    for cells, (_, class_id) in zip(wrong, task.training, strict=True):
        cells[1 - class_id] = 6
    np.save(shades / "train" / "soft_labels.npy", wrong)
    Trainer(recipe, SHADES, shades, tmp_path / "run", workers=0).run()
    network, _ = load_checkpoint(tmp_path / "run" / "final.safetensors")
    bright = np.full((40, 40, 3), 210, np.uint8)
    assert SHADES.names[eager_classifier(network, (64, 64))(bright).argmax()] == "dark"
    for teacher in (0.25, 0.75):
        samples = ClassificationTask(replace(recipe, teacher=teacher), SHADES, shades).samples(1)
        crop, target = samples[0]
        true = int(crop.float().mean() > 125)
        assert float(target[true]) == pytest.approx(1 - teacher, abs=0.01)
        assert float(target.sum()) == pytest.approx(1)


def test_two_processes_learn_as_one(street, tmp_path):
    """The same total batch gives the same loss curve, in numbers that rounding does not reach."""
    script = Path(__file__).with_name("train_tiny.py")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    curves = []
    for count in (1, 2):
        run = tmp_path / f"run{count}"
        subprocess.run(
            [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
             str(count), script, street, run],
            check=True, env=environment, capture_output=True, timeout=200,
        )  # fmt: skip
        with (run / "log.csv").open() as file:
            curves.append([float(row["loss"]) for row in csv.DictReader(file)])
    assert len(curves[0]) == 10
    assert curves[1] == pytest.approx(curves[0], abs=2e-5)


def test_recipes_of_the_repository_are_sound():
    root = Path(__file__).parents[2]
    recipes = sorted((root / "seaformer_edge" / "training" / "recipes").rglob("*.toml"))
    assert recipes
    for path in recipes:
        recipe = read_recipe(path)
        table = SEGMENTATION if recipe.task == "segmentation" else CLASSIFICATION
        assert table[recipe.dataset].classes in (None, recipe.classes)
        if recipe.classes != "mine":
            assert read_class_list(root / "models" / "classes" / f"{recipe.classes}.json").names
        assert recipe.crop[0] % 32 == recipe.crop[1] % 32 == 0
        assert recipe.eval_size is None or not any(side % 32 for side in recipe.eval_size)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("name = ", "not a TOML file"), ("speed = 3", "unknown entries speed"), ("", "missing")],
)
def test_recipes_that_are_no_recipes(tmp_path, text, complaint):
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(ModelError, match=complaint):
        read_recipe(tmp_path / "recipe.toml")
    with pytest.raises(ModelError, match="cannot be read"):
        read_recipe(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ('variant = "t"', "variant is one of T, S, B, L"),
        ("crop = [300, 320]", "crop is height and width, multiples of 32"),
        ("eval_size = [384, 500]", "eval_size is height and width, multiples of 32"),
        ("eval_every = 0", "eval_every is at least 1"),
        ("steps = 0", "steps is at least 1"),
        ("batch_size = 0", "batch_size is at least 1"),
        ("loss_stride = 0", "loss_stride is from 1 to the crop"),
        ("scale = [0, 2.0]", "scale is from above 0"),
        ("scale = [2.0, 0.5]", "scale is from above 0"),
        ("learning_rate = nan", "learning_rate is a number above 0"),
        ("weight_decay = -1.0", "weight_decay is a number from 0 up"),
        ("dropout = 1.5", "dropout is from 0 to below 1"),
        ("seed = -1", "seed is not negative"),
        ("train_splits = []", "train_splits names no split"),
        ("teacher = 1.5", "teacher is from 0 to 1"),
        ("teacher = 0.5", "teacher is for classification"),
    ],
)
def test_recipes_that_cannot_be_followed(tmp_path, change, complaint):
    recipe = Path(__file__).parents[2] / "seaformer_edge" / "training" / "recipes" / "finetune.toml"
    name = change.split()[0]
    kept = [line for line in recipe.read_text().splitlines() if not line.startswith(f"{name} ")]
    path = tmp_path / "recipe.toml"
    path.write_text("\n".join([*kept, change]))
    with pytest.raises(ModelError, match=rf"recipe\.toml: {complaint}") as refusal:
        read_recipe(path)
    assert "\n" not in str(refusal.value)


def test_a_teacher_is_of_one_split():
    recipe = replace(RECIPE, task="classification", teacher=0.5)
    with pytest.raises(ValueError, match="teacher is of one split"):
        replace(recipe, train_splits=("train", "val"))


def test_a_classifier_takes_any_size():
    assert replace(RECIPE, task="classification", crop=(60, 60), eval_size=(50, 50))
    assert MULTIPLE == seaformer.SIZE_MULTIPLE
