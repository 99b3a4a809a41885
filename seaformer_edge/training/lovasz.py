"""The Lovász-softmax loss: intersection over union as a loss."""

from __future__ import annotations

import torch
from torch import Tensor

NEGLIGIBLE = 2**-7
"""Errors below this probability are left out: the loss is at most that much too small."""


def lovasz_softmax(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over the classes in `targets` of a convex surrogate of 1 - IoU.

    Cross-entropy counts pixels, so where a rare class is the second most probable it is never
    predicted, although that would raise its IoU.

    Berman, Triki, Blaschko: The Lovász-Softmax loss, CVPR 2018, equation 11 and algorithm 1.

    Args:
        logits: (N, C) float.
        targets: (N,) int64, class ids.

    Returns:
        () float32; 0 if there are no pixels.
    """
    probabilities = logits.float().softmax(1)
    # With an index for each class, each would have a gradient of the whole (N, C).
    claims = probabilities.t().contiguous().unbind()
    losses = []
    for class_ in targets.unique():
        is_class, claim = targets == class_, claims[int(class_)]
        # Sorting takes most of the time, and in most pixels most classes are improbable.
        counted = is_class | (claim > NEGLIGIBLE)
        truth = is_class[counted].float()
        errors, order = (truth - claim[counted]).abs().sort(descending=True)
        truth = truth[order]
        present = truth.sum()
        # IoU if the pixels with the largest 1, 2, 3, ... errors were wrong.
        jaccard = 1 - (present - truth.cumsum(0)) / (present + (1 - truth).cumsum(0))
        losses.append(errors @ torch.diff(jaccard, prepend=jaccard.new_zeros(1)))
    return torch.stack(losses).mean() if losses else probabilities.sum()
