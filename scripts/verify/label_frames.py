"""Segment frames of the bundled sample with every shipped model, for check_aarch64.

    python scripts/verify/label_frames.py OUT.npz [FRAMES.npz]

Writes the decoded frames as `frame/INDEX`, and for every model and frame `MODEL/INDEX/input`,
`MODEL/INDEX/logits` and `MODEL/INDEX/labels`. With FRAMES.npz, the OUT.npz of another machine, it
segments the frames of that file.
"""

from __future__ import annotations

import sys
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.hub.card import read_card
from seaformer_edge.hub.paths import sample_dir, shipped_models_dir
from seaformer_edge.inference.postprocess import postprocess_segmentation
from seaformer_edge.inference.preprocess import preprocess_for
from seaformer_edge.inference.segmenter import Segmenter
from seaformer_edge.sources import open_source

EVERY = 48  # take every 48th frame of the clip


def main(out: str, frames_from: str | None) -> None:
    decoded = sample_frames()
    arrays = {f"frame/{i}": image for i, image in enumerate(decoded)}
    frames = decoded
    if frames_from is not None:
        with np.load(frames_from) as other:
            frames = [other[f"frame/{i}"] for i in range(len(decoded))]
    for path in sorted(shipped_models_dir().glob("*.pte")):
        card = read_card(path)
        if card.task != "segmentation":
            continue
        segmenter = Segmenter.from_path(path, num_threads=1)
        for i, image in enumerate(frames):
            logits, timings_ms = segmenter.logits(image)
            size = (image.shape[1], image.shape[0])
            key = f"{path.stem}/{i}"
            arrays[f"{key}/input"] = preprocess_for(card, image)
            arrays[f"{key}/logits"] = logits[..., : card.num_classes]
            arrays[f"{key}/labels"] = postprocess_segmentation(
                logits, card, size, timings_ms
            ).label_map
    np.savez(out, **arrays)


def sample_frames() -> list[NDArray[np.uint8]]:
    with open_source("sample") as clip, open_source(str(sample_dir() / "*.jpg")) as pictures:
        return [frame.image for frame in chain(islice(clip, 0, None, EVERY), pictures)]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
