from __future__ import annotations

import csv
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")
pytest.importorskip("safetensors", reason="the train extra (safetensors) is not installed")

from tiny import TINY

from seaformer_edge import network as network_module
from seaformer_edge.checkpoint import load_checkpoint
from seaformer_edge.class_list import ClassList
from seaformer_edge.errors import ModelError
from seaformer_edge.training.datasets import LabelledPictures
from seaformer_edge.training.evaluate import eager_predictor, evaluate
from seaformer_edge.training.recipe import Recipe, read_recipe
from seaformer_edge.training.train import (
    Trainer,
    learning_rate_factor,
    parameter_groups,
    segmentation_loss,
)

CLASSES = ClassList(("sky", "road"), ((70, 130, 180), (128, 64, 128)), ignore_index=9)
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
    monkeypatch.setitem(network_module.VARIANTS, "T", TINY)


def test_it_learns_sky_from_road(street, tmp_path):
    run = tmp_path / "run"
    best = Trainer(RECIPE, CLASSES, street, run, workers=0).run()
    assert best > 0.8
    network, card = load_checkpoint(run / "best.safetensors")
    assert card.accuracy["mIoU"] == pytest.approx(best, abs=1e-4)
    assert card.data == "made up"
    pairs = LabelledPictures(street, "val").pairs()
    matrix = evaluate(eager_predictor(network, (96, 128)), pairs, 2, 9)
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
    monkeypatch.setitem(network_module.VARIANTS, "T", TINY)
    resumed = Trainer(RECIPE, CLASSES, street, tmp_path / "halves", workers=0)
    assert resumed.step == 17
    resumed.run()

    whole, _ = load_checkpoint(tmp_path / "whole" / "final.safetensors")
    halves, _ = load_checkpoint(tmp_path / "halves" / "final.safetensors")
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(halves.state_dict()[name], tensor, rtol=0, atol=1e-6)


def test_training_starts_from_a_checkpoint(street, tmp_path):
    Trainer(replace(RECIPE, steps=2), CLASSES, street, tmp_path / "first", workers=0).run()
    start = tmp_path / "first" / "final.safetensors"
    more = ClassList(("sky", "road", "car"), ((0, 0, 0),) * 3, 9)
    trainer = Trainer(RECIPE, more, street, tmp_path / "second", initial=start, workers=0)
    first, _ = load_checkpoint(start)
    stem = "backbone.smb1.stem_block.0.c.weight"
    assert torch.equal(trainer.network.state_dict()[stem], first.state_dict()[stem])


def test_learning_rate_warms_up_and_decays_to_zero():
    factors = [learning_rate_factor(step, RECIPE) for step in range(RECIPE.steps + 1)]
    assert factors[0] == pytest.approx(0.5)
    assert factors[1:] == sorted(factors[1:], reverse=True)
    assert factors[-1] == 0.0


def test_every_parameter_is_in_one_group_and_only_kernels_decay():
    network = network_module.SeaFormerSegmenter("T", 2)
    recipe = replace(RECIPE, head_learning_rate_factor=10.0)
    groups = parameter_groups(network, recipe)
    assert sum(len(g["params"]) for g in groups) == len(list(network.parameters()))
    for group in groups:
        for parameter in group["params"]:
            kernel = parameter.ndim == 4
            assert (group["weight_decay"] > 0) == kernel
    assert {g["lr"] for g in groups} == {1e-2, 1e-1}


def test_ignored_labels_have_no_say_in_the_loss():
    logits = torch.randn(1, 2, 4, 4)
    labels = torch.zeros(1, 32, 32, dtype=torch.long)
    labels[:, :, 16:] = 255
    loss = segmentation_loss(logits, labels, 4, None)
    logits[..., 3:] = 100 * torch.randn(1, 2, 4, 1)  # their influence ends before column 16
    assert torch.equal(segmentation_loss(logits, labels, 4, None), loss)


def test_recipes_of_the_repository_are_sound():
    from pathlib import Path

    recipes = sorted((Path(__file__).parents[2] / "scripts" / "recipes").glob("*.toml"))
    assert recipes
    for path in recipes:
        recipe = read_recipe(path)
        assert recipe.crop[0] % 32 == recipe.crop[1] % 32 == 0
        assert recipe.eval_size[0] % 32 == recipe.eval_size[1] % 32 == 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("name = ", "not a TOML file"), ("speed = 3", "unknown entries speed"), ("", "missing")],
)
def test_recipes_that_are_wrong(tmp_path, text, complaint):
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(ModelError, match=complaint):
        read_recipe(tmp_path / "recipe.toml")
    with pytest.raises(ModelError, match="cannot be read"):
        read_recipe(tmp_path / "nowhere.toml")
