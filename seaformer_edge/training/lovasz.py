"""The Lovász-softmax loss: intersection over union as a loss."""

from __future__ import annotations

import torch
from torch import Tensor

NEGLIGIBLE = 2**-7
"""A pixel given a class that is not its own with less probability does not count as its error:
the loss is at most that much too small."""


def lovasz_softmax(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over the classes present of a convex stand-in for 1 - IoU.

    Cross-entropy counts pixels: a class of few of them is not painted where it is the second most
    probable, though that is what its IoU would gain by.

    Berman, Triki, Blaschko: The Lovász-Softmax loss, CVPR 2018, equation 11 and algorithm 1.

    Args:
        logits: (N, C) float.
        targets: (N,) int64, class ids.

    Returns:
        () float32; 0 of no pixels.
    """
    probabilities = logits.float().softmax(1)
    # Unbound at once: an index for each class would give each a gradient of the whole (N, C).
    claims = probabilities.t().contiguous().unbind()
    losses = []
    for class_ in targets.unique():
        is_class, claim = targets == class_, claims[int(class_)]
        # Sorting is what takes the time, and in most pixels most classes are out of the question.
        counted = is_class | (claim > NEGLIGIBLE)
        truth = is_class[counted].float()
        errors, order = (truth - claim[counted]).abs().sort(descending=True)
        truth = truth[order]
        present = truth.sum()
        # IoU if the pixels of the largest 1, 2, 3, ... errors were wrong.
        jaccard = 1 - (present - truth.cumsum(0)) / (present + (1 - truth).cumsum(0))
        losses.append(errors @ torch.diff(jaccard, prepend=jaccard.new_zeros(1)))
    return torch.stack(losses).mean() if losses else probabilities.sum()
