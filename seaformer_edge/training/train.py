"""One training stage; resumable to the exact step, on one process or several."""

from __future__ import annotations

import math
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader
from tqdm import tqdm

from seaformer_edge.errors import ModelError, SourceError
from seaformer_edge.hub.card import Card, read_card
from seaformer_edge.hub.class_list import ClassList
from seaformer_edge.nn.checkpoint import Network, save_checkpoint
from seaformer_edge.nn.network_input import IMAGENET_MEAN, IMAGENET_STD
from seaformer_edge.nn.registry import build
from seaformer_edge.nn.warm_start import warm_start as start_from
from seaformer_edge.safe_text import printable
from seaformer_edge.training.distributed import (
    make_fabric,
    run_depthwise_in_fp32,
    synchronise_batch_norm,
)
from seaformer_edge.training.evaluate import normalise
from seaformer_edge.training.interruption import Stopping, ignore_interrupts, never, reason_of
from seaformer_edge.training.log import TrainingLog
from seaformer_edge.training.optimizer import learning_rate_factor, make_optimizer
from seaformer_edge.training.recipe import Stage
from seaformer_edge.training.resume import only_run, read_state, run_settings, write_state
from seaformer_edge.training.tasks import make_task

CHECKPOINT_EVERY_S = 180.0
LOG_EVERY_STEPS = 50


class Trainer:
    """One training stage in the folder `run_dir`.

    Files: `last.pt` (everything needed to resume, written every few minutes and at the
    end), `best.safetensors` (averaged weights with the best validation score),
    `final.safetensors` (those of the last step), `log.csv`.

    Started by `torchrun`, each process trains on its share of every batch; the first one
    writes the files.

    Args:
        stage: what to do.
        classes: names, colours, ignored id.
        data_root: folder of the data set, laid out as `stage.dataset` requires.
        run_dir: where the files go; a run whose `last.pt` is there is resumed.
        warm_start: a safetensors checkpoint to start from, of the same variant or a smaller one.
            What it lacks starts fresh: the head, if it is a classifier; in the class layer,
            classes that it does not have.
        workers: processes that read and augment pictures, for each training process.
        origin: where the first weights come from, for the card; None: the name of `warm_start`.

    Raises:
        ModelError: the run in `run_dir` has another recipe or class list, its `last.pt` is
            damaged, or the batch cannot be split evenly among the processes.
        SourceError: the data set is not laid out as required, or its labels are unusable.
    """

    def __init__(
        self,
        stage: Stage,
        classes: ClassList,
        data_root: Path,
        run_dir: Path,
        warm_start: Path | None = None,
        workers: int = 1,
        origin: str | None = None,
    ):
        self.stage = stage
        self.classes = classes
        self.run_dir = run_dir
        self.workers = workers
        self.fabric = make_fabric("bf16-mixed" if stage.bf16 else "32-true")
        if stage.batch_size % self.fabric.world_size:
            raise ModelError(
                f"batch_size {stage.batch_size} is not a multiple of the"
                f" {self.fabric.world_size} processes"
            )
        last = run_dir / "last.pt"
        # Before the labels are checked, which takes longer.
        state = read_state(last, stage, classes, self.fabric.device) if last.exists() else None
        self.task = make_task(stage, classes, data_root / stage.data_folder)
        self.log = TrainingLog(run_dir / "log.csv", self.task.metric)

        torch.manual_seed(stage.seed)
        network = build(
            stage.architecture,
            stage.task,
            stage.variant,
            len(classes.names),
            drop_path_rate=stage.drop_path_rate,
            dropout=stage.dropout,
        )
        self.mean, self.std = IMAGENET_MEAN, IMAGENET_STD
        self.origin = origin or "scratch"
        if warm_start is not None:
            start_from(network, warm_start, classes.names)
            card = read_card(warm_start)
            self.mean, self.std = card.mean, card.std
            self.origin = origin or card.name
        # Convolutions of this network run 1.6 times faster channels-last on a CPU.
        network = network.to(self.fabric.device, memory_format=torch.channels_last)
        self.average = AveragedModel(network, multi_avg_fn=self._average, use_buffers=True)
        if stage.bf16 and self.fabric.device.type == "cpu":
            network = run_depthwise_in_fp32(network)
        if stage.sync_batch_norm:
            network = synchronise_batch_norm(network, self.fabric)
        self.network, self.optimizer = self.fabric.setup(network, make_optimizer(network, stage))
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: learning_rate_factor(step, stage)
        )
        self.step = 0
        self.best = 0.0
        if state is not None:
            self._resume(last, state)

    @torch.no_grad()
    def _average(
        self,
        averages: tuple[Tensor, ...] | list[Tensor],
        currents: tuple[Tensor, ...] | list[Tensor],
        n: Tensor | int,
    ) -> None:
        # A smaller decay at first, so that the average soon forgets the first weights.
        decay = min(self.stage.ema_decay, (1 + self.step) / (10 + self.step))
        for average, current in zip(averages, currents, strict=True):
            if average.is_floating_point():
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(current)

    @property
    def bare_network(self) -> Network:
        """The network without what Fabric wraps around it."""
        bare: Network = self.network.module
        return bare.module if isinstance(bare, nn.parallel.DistributedDataParallel) else bare

    def _resume(self, path: Path, state: dict[str, Any]) -> None:
        try:
            self.bare_network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.schedule.load_state_dict(state["schedule"])
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            raise ModelError(
                f"{path}: does not fit the network of this recipe and class list:"
                " give the ones the run was started with, or another folder"
            ) from error
        self.step = state["step"]
        self.best = state["best"]
        # Older runs did not store these.
        self.origin = state.get("origin", self.origin)
        self.mean = state.get("mean", self.mean)
        self.std = state.get("std", self.std)

    def _save(self) -> None:
        """Write last.pt. Raises ModelError if it cannot be written, or if weights are not finite.

        The earlier one stays whole then.
        """
        if not self.fabric.is_global_zero:
            return
        if not all(bool(p.isfinite().all()) for p in self.bare_network.parameters()):
            raise self._diverged()
        state = run_settings(self.stage, self.classes) | {
            "network": self.bare_network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "step": self.step,
            "best": self.best,
            "origin": self.origin,
            "mean": self.mean,
            "std": self.std,
        }
        write_state(state, self.run_dir / "last.pt")

    def _diverged(self) -> ModelError:
        return ModelError(
            f"{self.run_dir}: the loss is no number any more at step {self.step}: give a lower"
            " learning_rate and another folder"
        )

    def _batches(self) -> DataLoader[Any]:
        """This process' share of each remaining batch, in the order of the samples."""
        size, rank, world = (
            self.stage.batch_size,
            self.fabric.global_rank,
            self.fabric.world_size,
        )
        share = size // world
        batches = [
            range(step * size + rank * share, step * size + (rank + 1) * share)
            for step in range(self.step, self.stage.steps)
        ]
        return DataLoader(
            self.task.samples(self.stage.steps * size),
            batch_sampler=batches,
            num_workers=self.workers,
            worker_init_fn=ignore_interrupts,
            pin_memory=self.fabric.device.type == "cuda",
            # A separate one, or each start would advance the generator that dropout draws from.
            generator=torch.Generator(),
        )

    def train_step(self, images: Tensor, targets: Tensor) -> Tensor:
        """One optimiser step on (B, 3, h, w) uint8 RGB and int64 targets; the loss, a scalar."""
        # Dropout depends on the step and the process alone, so a resumed run repeats it.
        torch.manual_seed(
            (self.stage.seed * 1_000_003 + self.step) * 1024 + self.fabric.global_rank
        )
        self.network.train()
        device = self.fabric.device
        x = normalise(images.to(device, non_blocking=True), self.mean, self.std)
        logits = self.network(x.contiguous(memory_format=torch.channels_last))
        total, weight = self.task.loss(logits.to(x.dtype), targets.to(device, non_blocking=True))
        # Fabric averages the gradients of the processes. Divided by the mean weight, the result is
        # the mean over the pixels of all processes.
        loss = total / self.fabric.all_reduce(weight, reduce_op="mean").clamp_min(1e-9)
        self.optimizer.zero_grad()
        self.fabric.backward(loss)
        self.optimizer.step()
        self.schedule.step()
        self.average.update_parameters(self.bare_network)
        self.step += 1
        return loss.detach()

    def validate(self) -> float:
        """Score of the averaged weights on the validation split; keeps the best."""
        part = slice(self.fabric.global_rank, None, self.fabric.world_size)
        confusion = self.task.confusion(self.average.module, part, self.mean, self.std)
        confusion = confusion.to(self.fabric.device)
        score = self.task.score(self.fabric.all_reduce(confusion, reduce_op="sum").cpu())
        if score > self.best:
            self.best = score
            accuracy = {self.task.metric: round(score, 4), "set": "validation"}
            self._save_average("best", accuracy)
        return score

    def run(self, stopping: Stopping = never) -> float:
        """Train to the last step of the stage; returns the best validation score.

        Whatever ends it, the run can be resumed from its `last.pt`.

        Args:
            stopping: once its event is set, the run ends after the current step.

        Raises:
            ModelError: another run has the folder, a file cannot be written, the loss is not
                finite, or the memory does not suffice.
            SourceError: a picture cannot be read; the run can be resumed at this step.
            KeyboardInterrupt: see `stopping`.
        """
        lock = only_run(self.run_dir) if self.fabric.is_global_zero else nullcontext()
        with lock, stopping() as stop:
            try:
                return self._run(stop)
            except SourceError as error:
                self._save()
                # A worker of the DataLoader puts its traceback before the message.
                raise SourceError(str(error).rpartition("SourceError: ")[2].strip()) from error
            except (MemoryError, RuntimeError) as error:
                if reason := reason_of(error):
                    raise ModelError(f"{self.run_dir}: {reason}") from error
                raise

    def _run(self, stop: threading.Event) -> float:
        if self.fabric.is_global_zero:
            self.log.cut(self.step)
        if self.fabric.is_global_zero:
            for note in self.task.notes:
                tqdm.write(printable(note))
        saved_at = time.monotonic()
        running = 0.0
        progress = tqdm(
            self._batches(),
            initial=self.step,
            total=self.stage.steps,
            unit="step",
            # One line a minute if the output is a file.
            mininterval=1 if sys.stderr.isatty() else 60,
            disable=not self.fabric.is_global_zero,
        )
        for images, targets in progress:
            loss = self.train_step(images, targets)
            last = self.step == self.stage.steps
            due = self.step % self.stage.eval_every == 0 or last
            if self.step % LOG_EVERY_STEPS == 0 or due:
                mean = float(self.fabric.all_reduce(loss, reduce_op="mean"))
                if not math.isfinite(mean):
                    raise self._diverged()
                running = mean if running == 0 else 0.8 * running + 0.2 * mean
                progress.set_postfix(loss=f"{running:.3f}", refresh=False)
                self._record(mean, self.validate() if due else None)
            if time.monotonic() - saved_at > CHECKPOINT_EVERY_S or stop.is_set():
                self._save()
                saved_at = time.monotonic()
            if stop.is_set() and not last:
                raise KeyboardInterrupt
        self._save()
        self._save_average("final", {})
        self.fabric.barrier()  # the files of the first process are complete
        return self.best

    def _save_average(self, name: str, accuracy: dict[str, Any]) -> None:
        if not self.fabric.is_global_zero:
            return
        card = Card(
            name=self.stage.name,
            task=self.stage.task,
            architecture=self.stage.architecture,
            variant=self.stage.variant,
            precision="fp32",
            height=0,
            width=0,
            mean=self.mean,
            std=self.std,
            classes=self.classes.names,
            palette=self.classes.palette,
            logit_channels=len(self.classes.names),
            origin=f"trained by seaformer-edge, from {self.origin}",
            data=self.stage.data,
            licence=self.stage.licence,
            accuracy=accuracy,
        )
        save_checkpoint(self.average.module, card, self.run_dir / f"{name}.safetensors")

    def _record(self, loss: float, score: float | None) -> None:
        if not self.fabric.is_global_zero:
            return
        self.log.add(self.step, self.schedule.get_last_lr()[0], loss, score)
        if score is not None:
            tqdm.write(
                f"step {self.step}: loss {loss:.3f}, validation {self.task.metric} {score:.4f}"
            )
