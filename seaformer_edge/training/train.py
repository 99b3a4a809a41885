"""Train a SeaFormer for segmentation by a recipe; resumable to the exact step."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm

from seaformer_edge.card import Card, read_card
from seaformer_edge.checkpoint import IMAGENET_MEAN, IMAGENET_STD, load_backbone, save_checkpoint
from seaformer_edge.class_list import ClassList
from seaformer_edge.network import SeaFormerSegmenter
from seaformer_edge.training.augment import Augmentation
from seaformer_edge.training.datasets import LabelledPictures, TrainingSamples, read_pair
from seaformer_edge.training.evaluate import eager_predictor, evaluate
from seaformer_edge.training.recipe import Recipe

CHECKPOINT_EVERY_S = 180.0


def parameter_groups(network: SeaFormerSegmenter, recipe: Recipe) -> list[dict[str, Any]]:
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


def learning_rate_factor(step: int, recipe: Recipe) -> float:
    """Linear warm-up, then polynomial decay to 0 at the last step."""
    warmup = min(1.0, (step + 1) / max(recipe.warmup_steps, 1))
    return float(warmup * (1 - step / recipe.steps) ** recipe.poly_power)


def class_weights(pairs: list[tuple[Path, Path]], num_classes: int, ignore_index: int) -> Tensor:
    """1 / ln(1.1 + share of pixels), scaled to a mean of 1: (num_classes,) float32."""
    counts = np.zeros(256, dtype=np.int64)
    for picture, label in pairs:
        _, ids = read_pair(picture, label, ignore_index, num_classes)
        counts += np.bincount(ids.ravel(), minlength=256)
    share = counts[:num_classes] / counts[:num_classes].sum()
    weights = 1 / np.log(1.1 + share)
    return torch.from_numpy((weights / weights.mean()).astype(np.float32))


def segmentation_loss(
    logits: Tensor, labels: Tensor, stride: int, weights: Tensor | None
) -> Tensor:
    """Cross-entropy of (B, C, h, w) logits resized to 1/stride of (B, H, W) labels."""
    labels = labels[:, stride // 2 :: stride, stride // 2 :: stride]
    resized = F.interpolate(logits.float(), labels.shape[1:], mode="bilinear", align_corners=False)
    return F.cross_entropy(resized, labels, weight=weights, ignore_index=255)


class Trainer:
    """One training run in the folder `run_dir`.

    Files: `last.pt` (everything needed to resume, written every few minutes and at the
    end), `best.safetensors` (averaged weights with the best validation mIoU), `final.safetensors`,
    `log.csv` (a row each validation).

    Args:
        recipe: what to do.
        classes: names, colours, ignored id.
        data_root: folder of the data set (see `datasets.LabelledPictures`).
        run_dir: where the files go; a `last.pt` found there is resumed.
        initial: a safetensors checkpoint to start from, of the same variant; only the class
            layer (and, from a classifier, the head) starts fresh.
        workers: processes that read and augment pictures.
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
        self.initial = initial
        self.workers = workers
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        num_classes = len(classes.names)
        self.training_pairs = LabelledPictures(data_root, "train").pairs()
        self.validation_pairs = LabelledPictures(data_root, "val").pairs()

        torch.manual_seed(recipe.seed)
        self.network = SeaFormerSegmenter(recipe.variant, num_classes)
        if initial is not None:
            load_backbone(self.network, initial)
        # Convolutions of this network run 1.6 times faster channels-last on a CPU.
        self.network = self.network.to(self.device, memory_format=torch.channels_last)
        self.average = AveragedModel(self.network, multi_avg_fn=self._average, use_buffers=True)
        self.optimizer = torch.optim.AdamW(parameter_groups(self.network, recipe))
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: learning_rate_factor(step, recipe)
        )
        self.weights = (
            class_weights(self.training_pairs, num_classes, classes.ignore_index).to(self.device)
            if recipe.class_weights
            else None
        )
        self.mean = torch.tensor(IMAGENET_MEAN).view(3, 1, 1).to(self.device)
        self.std = torch.tensor(IMAGENET_STD).view(3, 1, 1).to(self.device)
        self.step = 0
        self.best_mean_iou = 0.0
        if (run_dir / "last.pt").exists():
            self._resume()

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

    def _resume(self) -> None:
        state = torch.load(self.run_dir / "last.pt", map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.step = state["step"]
        self.best_mean_iou = state["best_mean_iou"]
        torch.set_rng_state(state["rng"].cpu())

    def _save(self) -> None:
        temporary = self.run_dir / "last.pt.tmp"
        torch.save(
            {
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "step": self.step,
                "best_mean_iou": self.best_mean_iou,
                "rng": torch.get_rng_state(),
            },
            temporary,
        )
        temporary.replace(self.run_dir / "last.pt")

    def _batches(self) -> DataLoader[Any]:
        recipe = self.recipe
        samples = TrainingSamples(
            self.training_pairs,
            Augmentation(recipe.crop, recipe.scale, recipe.colour),
            len(self.classes.names),
            self.classes.ignore_index,
            length=recipe.steps * recipe.batch_size,
            seed=recipe.seed,
        )
        remaining = range(self.step * recipe.batch_size, len(samples))
        return DataLoader(
            Subset(samples, remaining),
            batch_size=recipe.batch_size,
            num_workers=self.workers,
            # Of its own, or each start would advance the generator that dropout draws from.
            generator=torch.Generator(),
        )

    def train_step(self, images: Tensor, labels: Tensor) -> float:
        """One optimiser step on (B, 3, h, w) uint8 RGB and (B, h, w) int64 labels."""
        self.network.train()
        x = (images.to(self.device).float() - self.mean) / self.std
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bf16):
            logits = self.network(x)
        loss = segmentation_loss(
            logits, labels.to(self.device), self.recipe.loss_stride, self.weights
        )
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        self.average.update_parameters(self.network)
        self.step += 1
        return float(loss.detach())

    def validate(self) -> float:
        """mIoU of the averaged weights on the validation split; keeps the best."""
        network = self.average.module
        predict = eager_predictor(network, self.recipe.eval_size)
        matrix = evaluate(
            predict, self.validation_pairs, len(self.classes.names), self.classes.ignore_index
        )
        if matrix.mean_iou > self.best_mean_iou:
            self.best_mean_iou = matrix.mean_iou
            self._save_average("best", {"mIoU": round(matrix.mean_iou, 4), "set": "validation"})
        return matrix.mean_iou

    def run(self) -> float:
        """Train to the last step of the recipe; returns the best validation mIoU."""
        self.run_dir.mkdir(parents=True, exist_ok=True)
        saved_at = time.monotonic()
        running_loss = 0.0
        progress = tqdm(
            self._batches(), initial=self.step, total=self.recipe.steps, unit="step", mininterval=5
        )
        for images, labels in progress:
            loss = self.train_step(images, labels)
            running_loss = loss if running_loss == 0 else 0.98 * running_loss + 0.02 * loss
            progress.set_postfix(loss=f"{running_loss:.3f}", refresh=False)
            if self.step % self.recipe.eval_every == 0 or self.step == self.recipe.steps:
                self._log(self.validate(), running_loss)
            if time.monotonic() - saved_at > CHECKPOINT_EVERY_S:
                self._save()
                saved_at = time.monotonic()
        self._save()
        self._save_average("final", {})
        return self.best_mean_iou

    def _save_average(self, name: str, accuracy: dict[str, Any]) -> None:
        card = Card(
            name=self.recipe.name,
            task="segmentation",
            variant=self.recipe.variant,
            precision="fp32",
            height=0,
            width=0,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            classes=self.classes.names,
            palette=self.classes.palette,
            logit_channels=len(self.classes.names),
            origin="trained by seaformer-edge, from "
            + (read_card(self.initial).name if self.initial else "scratch"),
            data=self.recipe.data,
            licence=self.recipe.licence,
            accuracy=accuracy,
        )
        save_checkpoint(self.average.module, card, self.run_dir / f"{name}.safetensors")

    def _log(self, mean_iou: float, loss: float) -> None:
        path = self.run_dir / "log.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["step", "training_loss", "validation_mean_iou"])
            writer.writerow([self.step, f"{loss:.4f}", f"{mean_iou:.4f}"])
        tqdm.write(f"step {self.step}: loss {loss:.3f}, validation mIoU {mean_iou:.4f}")
