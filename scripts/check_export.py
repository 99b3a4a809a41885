"""Export every network at the usual sizes and hold the programs against PyTorch.

    python scripts/check_export.py [PICTURES_FOLDER]

For each of T, S, B, L and the classifiers, with weights made from their tensors' names:
the largest difference of the logits relative to the largest logit, and the share of pixels,
of real pictures at the network's size and where the two best logits differ by more than
1e-3, whose label is the same. Exits with 1 if a figure misses what README.md promises.
Takes half an hour on two cores.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from published import published_weights

from seaformer_edge.card import Card
from seaformer_edge.checkpoint import IMAGENET_MEAN, IMAGENET_STD, build
from seaformer_edge.class_list import spread_palette
from seaformer_edge.export import export
from seaformer_edge.network import round_size
from seaformer_edge.paths import sample_dir
from seaformer_edge.runtime import open_program

SIZES = ((512, 512), (480, 640), (360, 480), (512, 1024))
LOGITS_TOLERANCE = 1e-4
CLEAR_MARGIN = 1e-3


def main(folder: Path) -> int:
    pictures = [
        cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        for path in sorted(folder.iterdir())
        if (image := cv2.imread(str(path))) is not None
    ]
    if not pictures:
        raise SystemExit(f"{folder}: no pictures")
    runs = [("segmentation", v, size) for v in "TSBL" for size in SIZES]
    runs += [("classification", v, (224, 224)) for v in "TSBL"]
    missed = 0
    print("task            network  input     difference  labels equal  bytes", flush=True)
    for task, variant, size in runs:
        size = round_size(*size)
        difference, equal, length = check(task, variant, size, pictures)
        fine = difference <= LOGITS_TOLERANCE and equal == 1.0
        missed += not fine
        print(
            f"{task:15} {variant:8} {size[1]}x{size[0]:<5} {difference:.1e}     {equal:.4%}"
            f"     {length}{'' if fine else '   MISSED'}",
            flush=True,
        )
    return int(missed > 0)


def check(
    task: str, variant: str, size: tuple[int, int], pictures: list[np.ndarray]
) -> tuple[float, float, int]:
    """Largest relative difference, share of clear labels that agree, bytes of the program."""
    num_classes = 150 if task == "segmentation" else 1000
    network = build(task, variant, num_classes).eval()
    network.load_state_dict(published_weights(f"{task[:3].replace('cla', 'cls')}_{variant}"))
    card = Card(
        name="check",
        task=task,
        variant=variant,
        precision="fp32",
        height=0,
        width=0,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        classes=tuple(map(str, range(num_classes))),
        palette=spread_palette(num_classes),
        logit_channels=num_classes,
        origin="weights made from names",
        data="none",
        licence="none",
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "check.pte"
        export(network, card, *size, path)
        length = path.stat().st_size
        program = open_program(path)

        mean = torch.tensor(IMAGENET_MEAN).view(3, 1, 1)
        std = torch.tensor(IMAGENET_STD).view(3, 1, 1)
        difference, clear_pixels, equal_pixels = 0.0, 0, 0
        for picture in pictures:
            image = cv2.resize(picture, size[::-1]).astype(np.float32)
            with torch.inference_mode():
                eager = network((torch.from_numpy(image).permute(2, 0, 1)[None] - mean) / std)
            logits = torch.from_numpy(program.run(image))[..., :num_classes]
            if task == "segmentation":
                logits = logits.permute(2, 0, 1)
            logits = logits[None]
            difference = max(difference, float((logits - eager).abs().max() / eager.abs().max()))
            if task == "segmentation":
                eager = F.interpolate(eager, size, mode="bilinear", align_corners=False)
                logits = F.interpolate(logits, size, mode="bilinear", align_corners=False)
            best = eager.topk(2, dim=1).values
            clear = best[:, 0] - best[:, 1] > CLEAR_MARGIN
            clear_pixels += int(clear.sum())
            equal_pixels += int((clear & (eager.argmax(1) == logits.argmax(1))).sum())
    return difference, equal_pixels / clear_pixels, length


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else sample_dir()))
