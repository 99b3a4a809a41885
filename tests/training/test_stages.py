"""Training in several stages, and the command that runs them."""

from __future__ import annotations

import csv
import json
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")
pytest.importorskip("safetensors", reason="the train extra (safetensors) is not installed")

from msgspec.structs import replace
from tiny_training import CLASSES, STAGE

from seaformer_edge import cli
from seaformer_edge.errors import ModelError
from seaformer_edge.hub.card import read_card
from seaformer_edge.nn import registry
from seaformer_edge.nn.checkpoint import load_checkpoint
from seaformer_edge.training.stages import train_stages
from seaformer_edge.training.train import Trainer

pytestmark = pytest.mark.usefixtures("tiny_variant")

STAGES = [replace(STAGE, steps=4, eval_every=2), replace(STAGE, steps=3, eval_every=3, seed=1)]


def weights(path):
    return load_checkpoint(path)[0].state_dict()


def assert_equal(path, other):
    ours, theirs = weights(path), weights(other)
    for name, tensor in ours.items():
        torch.testing.assert_close(theirs[name], tensor, rtol=0, atol=1e-6)


def test_each_stage_starts_from_the_last_weights_of_the_one_before(street, tmp_path):
    train_stages(STAGES, CLASSES, street, tmp_path / "run", workers=0)
    first, second = tmp_path / "run" / "stage-1", tmp_path / "run" / "stage-2"
    Trainer(STAGES[0], CLASSES, street, tmp_path / "a", workers=0).run()
    start = tmp_path / "a" / "final.safetensors"
    assert_equal(first / "final.safetensors", start)
    Trainer(STAGES[1], CLASSES, street, tmp_path / "b", start, workers=0).run()
    assert_equal(second / "final.safetensors", tmp_path / "b" / "final.safetensors")
    for name in ("best", "final"):
        assert_equal(tmp_path / "run" / f"{name}.safetensors", second / f"{name}.safetensors")
    card = read_card(tmp_path / "run" / "final.safetensors")
    assert card.origin == "trained by seaformer-edge, from scratch"


@pytest.mark.parametrize("stopped_at", [2, 4, 5])
def test_an_interrupted_run_ends_with_the_same_weights(street, tmp_path, monkeypatch, stopped_at):
    train_stages(STAGES, CLASSES, street, tmp_path / "whole", workers=0)
    done = 0
    step = Trainer.train_step

    def stopped(self, *batch):
        nonlocal done
        if done == stopped_at:
            self._save()
            raise KeyboardInterrupt
        done += 1
        return step(self, *batch)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_step", stopped)
        with pytest.raises(KeyboardInterrupt):
            train_stages(STAGES, CLASSES, street, tmp_path / "parts", workers=0)
    train_stages(STAGES, CLASSES, street, tmp_path / "parts", workers=0)
    for name in ("stage-1/final", "final"):
        path = f"{name}.safetensors"
        assert_equal(tmp_path / "whole" / path, tmp_path / "parts" / path)


def test_a_finished_stage_is_skipped_and_one_can_be_appended(street, tmp_path, monkeypatch):
    run = tmp_path / "run"
    train_stages(STAGES, CLASSES, street, run, workers=0)
    trained = []
    monkeypatch.setattr(Trainer, "run", lambda self, stopping: trained.append(self.run_dir.name))
    train_stages(STAGES, CLASSES, street, run, workers=0)
    assert trained == []
    train_stages([*STAGES, replace(STAGE, steps=1)], CLASSES, street, run, workers=0)
    assert trained == ["stage-3"]


def test_a_changed_stage_is_refused_before_any_training(street, tmp_path, monkeypatch):
    train_stages(STAGES, CLASSES, street, tmp_path, workers=0)
    (tmp_path / "stage-1" / "final.safetensors").unlink()  # so the first would train
    monkeypatch.setattr(Trainer, "run", lambda self, stopping: pytest.fail("it trained"))
    stages = [STAGES[0], replace(STAGES[1], seed=7)]
    with pytest.raises(ModelError, match=r"stage-2/last\.pt: .*another recipe \(seed changed"):
        train_stages(stages, CLASSES, street, tmp_path, workers=0)


def test_a_stage_reads_its_data_folder(street, tmp_path):
    (street / "inner").mkdir()
    for split in ("train", "val"):
        (street / split).rename(street / "inner" / split)
    stage = replace(STAGE, steps=1, data_folder="inner")
    train_stages([stage], CLASSES, street, tmp_path / "run", workers=0)
    assert (tmp_path / "run" / "final.safetensors").is_file()


def write_recipe(tmp_path):
    classes = {"names": CLASSES.names, "palette": CLASSES.palette, "ignore_index": 9}
    (tmp_path / "classes.json").write_text(json.dumps(classes))
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        'name = "mine"\nvariant = "T"\nclasses = "mine"\ndata = "d"\nlicence = "l"\n'
        'batch_size = 2\ncrop = "64x32"\neval_every = 1\n'
        "[[stage]]\nsteps = 1\n[[stage]]\nsteps = 2\n"
    )
    return recipe


@pytest.mark.parametrize("option", ["--warm-start", "--initial"])
def test_the_command(street, tmp_path, option, capsys):
    train_stages([replace(STAGE, steps=1)], CLASSES, street, tmp_path / "first", workers=0)
    recipe, run = write_recipe(tmp_path), tmp_path / "run"
    arguments = [
        "train", "--recipe", str(recipe), "--data", str(street), "-o", str(run), "--workers", "0",
        "--classes", str(tmp_path / "classes.json"),
        option, str(tmp_path / "first" / "final.safetensors"),
    ]  # fmt: skip
    assert cli.main(arguments) == 0
    assert "best.safetensors: validation mIoU" in capsys.readouterr().out
    assert read_card(run / "final.safetensors").origin == "trained by seaformer-edge, from tiny"
    with (run / "stage-2" / "log.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["1", "2"]


def test_the_command_names_what_is_missing(street, tmp_path, capsys):
    data = ["--data", str(street), "-o", str(tmp_path / "run")]
    assert cli.main(["train", *data]) == 2
    assert cli.main(["train", "everyday", "--recipe", "finetune", *data]) == 2
    assert capsys.readouterr().err.count("give one recipe") == 2
    assert cli.main(["train", "nowhere", *data]) == 1
    assert "nowhere: no such recipe or TOML file; known are camvid" in capsys.readouterr().err
    assert cli.main(["train", "finetune", *data]) == 1
    assert "none is called 'mine': give --classes FILE" in capsys.readouterr().err


def test_the_mean_of_a_warm_start_is_kept(street, tmp_path):
    stage = replace(STAGE, steps=1)
    trainer = Trainer(stage, CLASSES, street, tmp_path / "first", workers=0)
    trainer.mean, trainer.std = (1.0, 2.0, 3.0), (50.0, 60.0, 70.0)
    trainer.run()
    start = tmp_path / "first" / "final.safetensors"
    Trainer(stage, CLASSES, street, tmp_path / "second", start, workers=0).run()
    card = read_card(tmp_path / "second" / "final.safetensors")
    assert (card.mean, card.std) == ((1.0, 2.0, 3.0), (50.0, 60.0, 70.0))
    resumed = Trainer(stage, CLASSES, street, tmp_path / "second", workers=0)
    assert resumed.mean == (1.0, 2.0, 3.0)


def test_training_needs_no_video_or_export_libraries_and_takes_fabric_from_lightning_too():
    code = (
        "import sys, types, lightning_fabric\n"
        "sys.modules.update(dict.fromkeys(['av', 'executorch', 'torchao']))\n"
        "fabric = sys.modules['lightning_fabric']\n"
        "sys.modules['lightning_fabric'] = None\n"
        "sys.modules['lightning'] = types.ModuleType('lightning')\n"
        "sys.modules['lightning.fabric'] = fabric\n"
        "import seaformer_edge.cli.train, seaformer_edge.training.stages\n"
        "from seaformer_edge.training import distributed\n"
        "assert distributed.Fabric is fabric.Fabric\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


class OneLayer(torch.nn.Module):
    """A segmenter of another architecture, with logits at an eighth of the input's size."""

    def __init__(self, num_classes):
        super().__init__()
        self.classes = torch.nn.Conv2d(3, num_classes, 8, stride=8)

    def forward(self, x):  # (B, 3, H, W)
        return self.classes(x)


def test_a_registered_architecture_is_trained(street, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_ARCHITECTURES", dict(registry._ARCHITECTURES))
    registry.register_architecture(
        registry.Architecture("one-layer", ("only",), lambda *a, **options: OneLayer(a[2]))
    )
    stages = [replace(stage, architecture="one-layer", variant="only") for stage in STAGES]
    train_stages(stages, CLASSES, street, tmp_path / "run", workers=0)
    network, card = load_checkpoint(tmp_path / "run" / "final.safetensors")
    assert isinstance(network, OneLayer)
    assert (card.architecture, card.variant) == ("one-layer", "only")
