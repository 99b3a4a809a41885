"""Train a SeaFormer by a recipe; resumable to the exact step, on one process or many."""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader
from tqdm import tqdm

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.card import Card, read_card
from seaformer_edge.hub.class_list import ClassList
from seaformer_edge.nn.checkpoint import Network, save_checkpoint
from seaformer_edge.nn.network_input import IMAGENET_MEAN, IMAGENET_STD
from seaformer_edge.nn.warm_start import warm_start
from seaformer_edge.training.distributed import (
    make_fabric,
    run_depthwise_in_fp32,
    synchronise_batch_norm,
)
from seaformer_edge.training.recipe import Recipe
from seaformer_edge.training.resume import begun_with, read_state, write_state
from seaformer_edge.training.rmsprop import RMSpropTF
from seaformer_edge.training.tasks import make_task

CHECKPOINT_EVERY_S = 180.0
LOG_EVERY_STEPS = 50


def parameter_groups(network: Network, recipe: Recipe) -> list[dict[str, Any]]:
    """Backbone and head, each with and without weight decay."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        head = name.startswith("decode_head")
        decays = parameter.ndim > 1 and "pos_embed" not in name
        groups.setdefault((head, decays), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": recipe.learning_rate * (recipe.head_learning_rate_factor if head else 1.0),
            "weight_decay": recipe.weight_decay if decays else 0.0,
        }
        for (head, decays), parameters in groups.items()
    ]


def make_optimizer(network: Network, recipe: Recipe) -> torch.optim.Optimizer:
    groups = parameter_groups(network, recipe)
    if recipe.optimizer == "rmsprop":
        return RMSpropTF(groups)
    return torch.optim.AdamW(groups)


def learning_rate_factor(step: int, recipe: Recipe) -> float:
    """Linear warm-up, then polynomial decay to 0 at the last step or decay by steps."""
    warmup = min(1.0, (step + 1) / max(recipe.warmup_steps, 1))
    if recipe.schedule == "step":
        return float(warmup * recipe.step_decay ** (step // recipe.decay_steps))
    return float(warmup * (1 - step / recipe.steps) ** recipe.poly_power)


class Trainer:
    """One training run in the folder `run_dir`.

    Files: `last.pt` (everything needed to resume, written every few minutes and at the
    end), `best.safetensors` (averaged weights with the best validation score),
    `final.safetensors` (those of the last step), `log.csv`.

    Started by `torchrun`, each process trains on its share of every batch; the files are the
    first one's.

    Args:
        recipe: what to do.
        classes: names, colours, ignored id.
        data_root: folder of the data set, laid out as `recipe.dataset` says.
        run_dir: where the files go; a `last.pt` found there is resumed.
        initial: a safetensors checkpoint to start from, of the same variant or a smaller one;
            only what it lacks (from a classifier the head, of other classes their layer)
            starts fresh.
        workers: processes that read and augment pictures, for each training process.

    Raises:
        ModelError: the run in `run_dir` was begun with another recipe or class list, its
            `last.pt` is damaged, or the batch cannot be shared by the processes.
        SourceError: the data set is not laid out as the recipe says, or cannot teach.
    """

    def __init__(
        self,
        recipe: Recipe,
        classes: ClassList,
        data_root: Path,
        run_dir: Path,
        initial: Path | None = None,
        workers: int = 1,
    ):
        self.recipe = recipe
        self.classes = classes
        self.run_dir = run_dir
        self.workers = workers
        self.fabric = make_fabric("bf16-mixed" if recipe.bf16 else "32-true")
        if recipe.batch_size % self.fabric.world_size:
            raise ModelError(
                f"a batch of {recipe.batch_size} cannot be shared by"
                f" {self.fabric.world_size} processes"
            )
        self.task = make_task(recipe, classes, data_root)

        torch.manual_seed(recipe.seed)
        network = self.task.network()
        if initial is not None:
            warm_start(network, initial, classes.names)
        # Convolutions of this network run 1.6 times faster channels-last on a CPU.
        network = network.to(self.fabric.device, memory_format=torch.channels_last)
        self.average = AveragedModel(network, multi_avg_fn=self._average, use_buffers=True)
        if recipe.bf16 and self.fabric.device.type == "cpu":
            network = run_depthwise_in_fp32(network)
        if recipe.sync_batch_norm:
            network = synchronise_batch_norm(network, self.fabric)
        self.network, self.optimizer = self.fabric.setup(network, make_optimizer(network, recipe))
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: learning_rate_factor(step, recipe)
        )
        self.mean = torch.tensor(IMAGENET_MEAN, device=self.fabric.device).view(3, 1, 1)
        self.std = torch.tensor(IMAGENET_STD, device=self.fabric.device).view(3, 1, 1)
        self.origin = read_card(initial).name if initial else "scratch"
        self.step = 0
        self.best = 0.0
        if (run_dir / "last.pt").exists():
            self._resume(run_dir / "last.pt")

    @torch.no_grad()
    def _average(
        self,
        averages: tuple[Tensor, ...] | list[Tensor],
        currents: tuple[Tensor, ...] | list[Tensor],
        n: Tensor | int,
    ) -> None:
        # A short memory at first, so that the average is not held back by the start.
        decay = min(self.recipe.ema_decay, (1 + self.step) / (10 + self.step))
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

    def _resume(self, path: Path) -> None:
        state = read_state(path, self.recipe, self.classes, self.fabric.device)
        try:
            self.bare_network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.schedule.load_state_dict(state["schedule"])
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            raise ModelError(
                f"{path}: does not fit the network of this recipe and class list:"
                " give those it was begun with or another folder"
            ) from error
        self.step = state["step"]
        self.best = state["best"]
        self.origin = state.get("origin", self.origin)  # older runs kept none
        self._forget_log()

    def _save(self) -> None:
        """Write last.pt. Raises ModelError where that cannot be."""
        if not self.fabric.is_global_zero:
            return
        state = begun_with(self.recipe, self.classes) | {
            "network": self.bare_network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "step": self.step,
            "best": self.best,
            "origin": self.origin,
        }
        write_state(state, self.run_dir / "last.pt")

    def _batches(self) -> DataLoader[Any]:
        """This process' share of each batch that is left, in the order of the samples."""
        size, rank, world = (
            self.recipe.batch_size,
            self.fabric.global_rank,
            self.fabric.world_size,
        )
        share = size // world
        batches = [
            range(step * size + rank * share, step * size + (rank + 1) * share)
            for step in range(self.step, self.recipe.steps)
        ]
        return DataLoader(
            self.task.samples(self.recipe.steps * size),
            batch_sampler=batches,
            num_workers=self.workers,
            pin_memory=self.fabric.device.type == "cuda",
            # Of its own, or each start would advance the generator that dropout draws from.
            generator=torch.Generator(),
        )

    def train_step(self, images: Tensor, targets: Tensor) -> Tensor:
        """One optimiser step on (B, 3, h, w) uint8 RGB and int64 targets; the loss, a scalar."""
        # What is dropped depends on the step and the process alone, so a resumed run drops alike.
        torch.manual_seed(
            (self.recipe.seed * 1_000_003 + self.step) * 1024 + self.fabric.global_rank
        )
        self.network.train()
        device = self.fabric.device
        x = (images.to(device, non_blocking=True).to(self.mean.dtype) - self.mean) / self.std
        logits = self.network(x.contiguous(memory_format=torch.channels_last))
        total, weight = self.task.loss(
            logits.to(self.mean.dtype), targets.to(device, non_blocking=True)
        )
        # Fabric averages the gradients: over the mean weight, so that the result is the mean
        # over the pixels of all processes.
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
        confusion = self.task.confusion(self.average.module, part).to(self.fabric.device)
        score = self.task.score(self.fabric.all_reduce(confusion, reduce_op="sum").cpu())
        if score > self.best:
            self.best = score
            accuracy = {self.task.metric: round(score, 4), "set": "validation"}
            self._save_average("best", accuracy)
        return score

    def run(self) -> float:
        """Train to the last step of the recipe; returns the best validation score."""
        try:
            self.run_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(
                f"{self.run_dir}: cannot be the folder of the run ({error.strerror})"
            ) from error
        if self.fabric.is_global_zero:
            for note in self.task.notes:
                tqdm.write(note)
        saved_at = time.monotonic()
        running = 0.0
        progress = tqdm(
            self._batches(),
            initial=self.step,
            total=self.recipe.steps,
            unit="step",
            # A line a minute where it goes to a file.
            mininterval=1 if sys.stderr.isatty() else 60,
            disable=not self.fabric.is_global_zero,
        )
        for images, targets in progress:
            loss = self.train_step(images, targets)
            last = self.step == self.recipe.steps
            due = self.step % self.recipe.eval_every == 0 or last
            if self.step % LOG_EVERY_STEPS == 0 or due:
                mean = float(self.fabric.all_reduce(loss, reduce_op="mean"))
                running = mean if running == 0 else 0.8 * running + 0.2 * mean
                progress.set_postfix(loss=f"{running:.3f}", refresh=False)
                self._log(mean, self.validate() if due else None)
            if time.monotonic() - saved_at > CHECKPOINT_EVERY_S:
                self._save()
                saved_at = time.monotonic()
        self._save()
        self._save_average("final", {})
        return self.best

    def _save_average(self, name: str, accuracy: dict[str, Any]) -> None:
        if not self.fabric.is_global_zero:
            return
        card = Card(
            name=self.recipe.name,
            task=self.recipe.task,
            variant=self.recipe.variant,
            precision="fp32",
            height=0,
            width=0,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            classes=self.classes.names,
            palette=self.classes.palette,
            logit_channels=len(self.classes.names),
            origin=f"trained by seaformer-edge, from {self.origin}",
            data=self.recipe.data,
            licence=self.recipe.licence,
            accuracy=accuracy,
        )
        save_checkpoint(self.average.module, card, self.run_dir / f"{name}.safetensors")

    def _forget_log(self) -> None:
        """Takes the steps that will be done again out of the log."""
        path = self.run_dir / "log.csv"
        if not self.fabric.is_global_zero or not path.exists():
            return
        head, *rows = path.read_text().splitlines(keepends=True) or [""]
        done = [row for row in rows if int(row.split(",")[0]) <= self.step]
        path.write_text("".join([head, *done]))

    def _log(self, loss: float, score: float | None) -> None:
        if not self.fabric.is_global_zero:
            return
        path = self.run_dir / "log.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["step", "learning_rate", "loss", f"validation_{self.task.metric}"])
            rate = self.schedule.get_last_lr()[0]
            writer.writerow(
                [self.step, f"{rate:.3g}", f"{loss:.5f}", "" if score is None else f"{score:.4f}"]
            )
        if score is not None:
            tqdm.write(
                f"step {self.step}: loss {loss:.3f}, validation {self.task.metric} {score:.4f}"
            )
