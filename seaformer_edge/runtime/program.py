"""What a program is to the rest of the package, and the checks every binding makes.

ExecuTorch itself takes a tensor of the wrong memory order without a word and computes wrong
numbers, so a program's layout is checked when it is opened and every image before it is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import ModelError

NHWC = (0, 2, 3, 1)
"""Dimensions of an (N, C, H, W) tensor in the order in which NHWC memory nests them."""


class Program(Protocol):
    """A loaded network that is ready to run.

    Attributes:
        input_shape: (H, W, 3).
        output_shape: (h, w, C) of a segmenter, (C,) of a classifier.
    """

    @property
    def input_shape(self) -> tuple[int, int, int]: ...

    @property
    def output_shape(self) -> tuple[int, ...]: ...

    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network on one image.

        Any number of threads may call this at once; the runs of one program follow each other.

        Args:
            image: `input_shape` float32, C-contiguous, RGB 0..255. It is read in place and must
                not change during the call. Its values are not checked: NaN in, NaN out.

        Returns:
            `output_shape` float32, C-contiguous; a new array at every call.

        Raises:
            ModelError: the image's shape, dtype or layout is another one, or the run failed.
        """
        ...


def image_shape(path: Path, sizes: Sequence[int], dim_order: Sequence[int]) -> tuple[int, int, int]:
    """The `input_shape` of a program whose input has these sizes and this memory order.

    Raises:
        ModelError: it does not take one RGB image in NHWC.
    """
    match tuple(sizes):
        case (1, 3, height, width) if tuple(dim_order) == NHWC:
            return height, width, 3
    raise ModelError(
        f"{path}: takes {tuple(sizes)} in memory order {tuple(dim_order)}, but (1, 3, H, W) in "
        f"order {NHWC} is needed; export it with `seaformer-edge models export`"
    )


def logits_shape(path: Path, sizes: Sequence[int], dim_order: Sequence[int]) -> tuple[int, ...]:
    """The `output_shape` of a program whose output has these sizes and this memory order.

    Raises:
        ModelError: it gives neither NHWC logits nor one row of class scores.
    """
    match tuple(sizes):
        case (1, channels, height, width) if tuple(dim_order) == NHWC:
            return height, width, channels
        case (1, channels):
            return (channels,)
    raise ModelError(
        f"{path}: gives {tuple(sizes)} in memory order {tuple(dim_order)}, but (1, C, h, w) in "
        f"order {NHWC} or (1, C) is needed; export it with `seaformer-edge models export`"
    )


def check_image(path: Path, image: NDArray[np.float32], shape: tuple[int, int, int]) -> None:
    """Make sure that `image` may be handed to the network as it lies in memory.

    Raises:
        ModelError: its shape, dtype or layout is not the one `Program.run` asks for.
    """
    if image.shape != shape or image.dtype != np.float32:
        raise ModelError(
            f"{path}: takes a float32 image of shape {shape}, not {image.dtype} of {image.shape}"
        )
    if not (image.flags.c_contiguous and image.flags.aligned):
        raise ModelError(
            f"{path}: takes a C-contiguous image, not one with strides {image.strides}; "
            "pass numpy.ascontiguousarray(image)"
        )
