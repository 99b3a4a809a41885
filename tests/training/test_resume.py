from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import threading
from contextlib import nullcontext

import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")
pytest.importorskip("safetensors", reason="the train extra (safetensors) is not installed")

from msgspec.structs import replace
from tiny_networks import TINY
from tiny_training import CLASSES, STAGE

from seaformer_edge.errors import ModelError, SourceError
from seaformer_edge.hub.card import read_card
from seaformer_edge.hub.class_list import ClassList
from seaformer_edge.nn import seaformer
from seaformer_edge.nn.checkpoint import load_checkpoint
from seaformer_edge.training import tasks, train
from seaformer_edge.training.log import TrainingLog
from seaformer_edge.training.train import Trainer

pytestmark = pytest.mark.usefixtures("tiny_variant")


def test_an_interrupted_run_ends_with_the_same_weights(street, tmp_path, monkeypatch):
    Trainer(STAGE, CLASSES, street, tmp_path / "whole", workers=0).run()

    step = Trainer.train_step

    def stopped(self, *batch):
        if self.step == 17:
            self._save()
            raise KeyboardInterrupt
        return step(self, *batch)

    monkeypatch.setattr(Trainer, "train_step", stopped)
    with pytest.raises(KeyboardInterrupt):
        Trainer(STAGE, CLASSES, street, tmp_path / "halves", workers=0).run()
    monkeypatch.undo()
    monkeypatch.setitem(seaformer.VARIANTS, "T", TINY)
    resumed = Trainer(STAGE, CLASSES, street, tmp_path / "halves", workers=0)
    assert resumed.step == 17
    resumed.run()

    whole, _ = load_checkpoint(tmp_path / "whole" / "final.safetensors")
    halves, _ = load_checkpoint(tmp_path / "halves" / "final.safetensors")
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(halves.state_dict()[name], tensor, rtol=0, atol=1e-6)


def test_a_run_is_not_resumed_with_another_recipe(street, tmp_path):
    Trainer(replace(STAGE, steps=2), CLASSES, street, tmp_path / "run", workers=0).run()
    with pytest.raises(ModelError, match="another recipe \\(seed changed"):
        Trainer(replace(STAGE, steps=2, seed=1), CLASSES, street, tmp_path / "run", workers=0)


def test_a_run_is_not_resumed_with_another_class_list(street, tmp_path):
    stage, run = replace(STAGE, steps=2, class_weights=False), tmp_path / "run"
    Trainer(stage, CLASSES, street, run, workers=0).run()
    with pytest.raises(ModelError, match=r"last\.pt: .* another class list \(names"):
        Trainer(stage, dataclasses.replace(CLASSES, names=("road", "sky")), street, run, workers=0)
    with pytest.raises(ModelError, match=r"another class list \(ignore_index"):
        Trainer(stage, dataclasses.replace(CLASSES, ignore_index=8), street, run, workers=0)


def test_an_older_run_without_class_list_is_resumed_if_the_network_fits(street, tmp_path):
    stage, run = replace(STAGE, steps=2), tmp_path / "run"
    Trainer(stage, CLASSES, street, run, workers=0).run()
    state = torch.load(run / "last.pt", weights_only=True)
    del state["classes"]
    torch.save(state, run / "last.pt")
    assert Trainer(stage, CLASSES, street, run, workers=0).step == 2
    more = ClassList(("sky", "road", "car"), ((0, 0, 0),) * 3, 9)
    with pytest.raises(ModelError, match=r"last\.pt: does not fit the network of this recipe"):
        Trainer(stage, more, street, run, workers=0)


def test_settings_that_an_older_run_lacks_had_their_defaults(street, tmp_path):
    stage, run = replace(STAGE, steps=2), tmp_path / "run"
    Trainer(stage, CLASSES, street, run, workers=0).run()
    state = torch.load(run / "last.pt", weights_only=True)
    del state["recipe"]["repeat_threshold"]
    torch.save(state, run / "last.pt")
    assert Trainer(stage, CLASSES, street, run, workers=0).step == 2
    with pytest.raises(ModelError, match="another recipe \\(repeat_threshold"):
        Trainer(replace(stage, repeat_threshold=0.1), CLASSES, street, run, workers=0)


def test_a_resumed_run_keeps_its_origin_and_logs_no_step_twice(street, tmp_path):
    stage, run = replace(STAGE, steps=3, eval_every=1), tmp_path / "run"
    Trainer(replace(stage, name="start"), CLASSES, street, tmp_path / "first", workers=0).run()
    start = tmp_path / "first" / "final.safetensors"
    Trainer(stage, CLASSES, street, run, warm_start=start, workers=0).run()
    state = torch.load(run / "last.pt", weights_only=True)
    torch.save(state | {"step": 2}, run / "last.pt")  # as if it was killed in the third step
    Trainer(stage, CLASSES, street, run, workers=0).run()
    steps = [row.split(",")[0] for row in (run / "log.csv").read_text().splitlines()]
    assert steps == ["step", "1", "2", "3"]
    assert read_card(run / "final.safetensors").origin == "trained by seaformer-edge, from start"


def test_validation_settings_may_change_in_a_run(street, tmp_path):
    Trainer(replace(STAGE, steps=2), CLASSES, street, tmp_path / "run", workers=0).run()
    changed = replace(STAGE, steps=2, eval_size=(64, 64), eval_every=1)
    assert Trainer(changed, CLASSES, street, tmp_path / "run", workers=0).step == 2


@pytest.mark.parametrize("content", ["half", "nothing", "foreign"])
def test_a_run_is_not_resumed_from_a_damaged_or_foreign_file(street, tmp_path, content):
    stage, path = replace(STAGE, steps=1), tmp_path / "last.pt"
    Trainer(stage, CLASSES, street, tmp_path, workers=0).run()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content == "half" else b"")
    if content == "foreign":
        torch.save({"state_dict": {}}, path)
    with pytest.raises(ModelError, match=r"last\.pt: .*not written by a training run"):
        Trainer(stage, CLASSES, street, tmp_path, workers=0)


def test_a_file_in_place_of_the_folder_is_refused(street, tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(ModelError, match=r"run: cannot be made a folder \(File exists"):
        Trainer(STAGE, CLASSES, street, tmp_path / "run", workers=0).run()
    assert (tmp_path / "run").read_text() == "mine"


def test_a_full_disk_leaves_the_previous_checkpoint_whole(street, tmp_path, monkeypatch):
    trainer = Trainer(replace(STAGE, steps=2), CLASSES, street, tmp_path, workers=0)
    trainer.run()
    before = (tmp_path / "last.pt").read_bytes()

    def full(state, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(ModelError, match=r"last\.pt: cannot be written \(No space left"):
        trainer._save()
    assert (tmp_path / "last.pt").read_bytes() == before
    assert not (tmp_path / ".last.pt.partial").exists()


def test_damaged_rows_of_the_log_do_not_stop_a_resumed_run(tmp_path):
    log = TrainingLog(tmp_path / "log.csv", "mIoU")
    for step in (1, 2, 3):
        log.add(step, 0.1, 0.5, None)
    whole = log.path.read_text().splitlines()
    with log.path.open("ab") as file:
        file.write(b"4,0.1" + bytes(900) + b"\xff")
    log.cut(2)
    assert log.path.read_text().splitlines() == whole[:3]


OTHER_RUN = """
import sys
from pathlib import Path

from msgspec.structs import replace
from tiny_networks import TINY
from tiny_training import CLASSES, STAGE

from seaformer_edge.nn import seaformer
from seaformer_edge.training import train

seaformer.VARIANTS["T"] = TINY
train.CHECKPOINT_EVERY_S = 0
step = train.Trainer.train_step


def hold_the_third(self, *batch):
    if self.step == 2:
        print("holds the folder", flush=True)
        sys.stdin.read()
    return step(self, *batch)


train.Trainer.train_step = hold_the_third
data, run = map(Path, sys.argv[1:])
train.Trainer(replace(STAGE, steps=4), CLASSES, data, run, workers=1).run()
"""


def test_two_runs_in_one_folder_are_refused_and_a_killed_one_is_resumed(street, tmp_path):
    stage, run = replace(STAGE, steps=4), tmp_path / "run"
    trainer = Trainer(stage, CLASSES, street, run, workers=0)
    command = [sys.executable, "-c", OTHER_RUN, street, run]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment, **pipes) as other:
        assert other.stdout.readline()
        with pytest.raises(ModelError, match="another training runs in this folder"):
            trainer.run()
        other.kill()
    resumed = Trainer(stage, CLASSES, street, run, workers=0)
    assert resumed.step == 2
    resumed.run()
    assert resumed.step == 4


def test_a_signal_ends_the_run_after_the_step_and_keeps_it(street, tmp_path, monkeypatch):
    stop = threading.Event()
    step = Trainer.train_step

    def signalled(self, *batch):
        if self.step == 2:
            stop.set()
        return step(self, *batch)

    monkeypatch.setattr(Trainer, "train_step", signalled)
    stage = replace(STAGE, steps=5)
    trainer = Trainer(stage, CLASSES, street, tmp_path, workers=0)
    with pytest.raises(KeyboardInterrupt):
        trainer.run(lambda: nullcontext(stop))
    assert Trainer(stage, CLASSES, street, tmp_path, workers=0).step == 3


def test_a_loss_that_is_no_number_spoils_no_checkpoint(street, tmp_path, monkeypatch):
    step = Trainer.train_step

    def diverging(self, *batch):
        loss = step(self, *batch)
        if self.step == 3:
            with torch.no_grad():
                next(self.bare_network.parameters()).fill_(torch.nan)
        return loss

    monkeypatch.setattr(train, "CHECKPOINT_EVERY_S", 0.0)
    monkeypatch.setattr(Trainer, "train_step", diverging)
    stage = replace(STAGE, steps=6)
    trainer = Trainer(stage, CLASSES, street, tmp_path, workers=0)
    with pytest.raises(
        ModelError, match="no number any more at step 3: give a lower learning_rate"
    ):
        trainer.run()
    assert Trainer(stage, CLASSES, street, tmp_path, workers=0).step == 2
    monkeypatch.setattr(train, "CHECKPOINT_EVERY_S", 1e9)
    with pytest.raises(ModelError, match="no number any more at step 6"):
        Trainer(stage, CLASSES, street, tmp_path, workers=0).run()


def test_a_killed_worker_is_one_line_and_the_run_resumed(street, tmp_path, monkeypatch):
    stage = replace(STAGE, steps=4, class_weights=False)
    trainer = Trainer(stage, CLASSES, street, tmp_path, workers=1)
    trainer._save()
    read = tasks.read_pair

    def killed(*arguments):
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(tasks, "read_pair", killed)
    with pytest.raises(ModelError, match=r"reads pictures was killed, .* fewer --workers"):
        trainer.run()
    monkeypatch.setattr(tasks, "read_pair", read)
    Trainer(stage, CLASSES, street, tmp_path, workers=0).run()


@pytest.mark.parametrize(
    "error", [RuntimeError("DefaultCPUAllocator: can't allocate memory"), MemoryError()]
)
def test_lack_of_memory_is_one_line(street, tmp_path, monkeypatch, error):
    def fail(self, *batch):
        raise error

    monkeypatch.setattr(Trainer, "train_step", fail)
    with pytest.raises(ModelError, match="not enough memory: a smaller batch_size"):
        Trainer(STAGE, CLASSES, street, tmp_path, workers=0).run()


def test_a_log_that_cannot_be_written_is_one_line(tmp_path):
    log = TrainingLog(tmp_path / "log.csv", "mIoU")
    log.path.mkdir()
    for write in (lambda: log.cut(1), lambda: log.add(1, 0.1, 0.5, None)):
        with pytest.raises(ModelError, match=r"log\.csv: cannot be \w+ \(Is a directory"):
            write()


def test_an_unreadable_picture_in_a_worker_is_one_line_and_resumed(street, tmp_path):
    stage, run = replace(STAGE, steps=4, class_weights=False), tmp_path / "run"
    trainer = Trainer(stage, CLASSES, street, run, workers=1)
    path = street / "train" / "images" / "03.png"
    data = path.read_bytes()
    path.write_bytes(b"no picture")
    with pytest.raises(SourceError) as caught:
        trainer.run()
    assert str(caught.value) == f"{path}: cannot be read as a picture"
    path.write_bytes(data)
    resumed = Trainer(stage, CLASSES, street, run, workers=0)
    assert resumed.step == trainer.step
    resumed.run()
    assert resumed.step == 4
