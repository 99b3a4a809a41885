"""The `Program` interface and the checks that every binding makes.

ExecuTorch accepts a tensor of the wrong memory order and then computes wrong numbers without an
error. So a program's layout is checked when it is opened, and every image before it is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seaformer_edge.errors import ModelError

NHWC = (0, 2, 3, 1)
"""Memory order of an (N, C, H, W) tensor stored as NHWC: its dimensions, outermost first."""


class Program(Protocol):
    """A loaded network that is ready to run.

    Attributes:
        input_shape: (H, W, 3).
        output_shape: (h, w, C) of a segmenter, (C,) of a classifier.
        is_fp16: whether it computes in half precision. Then the image is float16, or float32 and
            converted; the logits are float32 all the same.
    """

    @property
    def is_fp16(self) -> bool: ...

    @property
    def input_shape(self) -> tuple[int, int, int]: ...

    @property
    def output_shape(self) -> tuple[int, ...]: ...

    def run(self, image: NDArray[np.floating]) -> NDArray[np.float32]:
        """Run the network on one image.

        Thread-safe: simultaneous runs of one program are executed one after the other.

        Args:
            image: `input_shape` float32, or float16 of an fp16 program, C-contiguous, RGB 0..255.
                It is read in place and must not change during the call. Its values are not
                checked.

        Returns:
            `output_shape` float32, C-contiguous; a new array for every call.

        Raises:
            ModelError: the image has the wrong shape, dtype or layout, the run failed, or a half
                precision program overflowed, so that its logits are not finite.
        """
        ...


def image_shape(path: Path, sizes: Sequence[int], dim_order: Sequence[int]) -> tuple[int, int, int]:
    """The `input_shape` of a program, from its input's sizes and memory order.

    Raises:
        ModelError: the input is not one RGB image in NHWC.
    """
    match tuple(sizes):
        case (1, 3, height, width) if tuple(dim_order) == NHWC:
            return height, width, 3
    raise ModelError(
        f"{path}: its input is {tuple(sizes)} in memory order {tuple(dim_order)}, but must be "
        f"(1, 3, H, W) in order {NHWC}; export it with `seaformer-edge models export`"
    )


def logits_shape(path: Path, sizes: Sequence[int], dim_order: Sequence[int]) -> tuple[int, ...]:
    """The `output_shape` of a program, from its output's sizes and memory order.

    Raises:
        ModelError: the output is neither NHWC logits nor one row of class scores.
    """
    match tuple(sizes):
        case (1, channels, height, width) if tuple(dim_order) == NHWC:
            return height, width, channels
        case (1, channels):
            return (channels,)
    raise ModelError(
        f"{path}: its output is {tuple(sizes)} in memory order {tuple(dim_order)}, but must be "
        f"(1, C, h, w) in order {NHWC} or (1, C); export it with `seaformer-edge models export`"
    )


def check_image(path: Path, image: NDArray[np.floating], program: Program) -> None:
    """Check that `image` can be passed to a program of this path without a copy.

    Raises:
        ModelError: its shape, dtype or layout is not what `Program.run` requires.
    """
    dtypes = [np.float32, np.float16] if program.is_fp16 else [np.float32]
    if image.shape != program.input_shape or image.dtype not in dtypes:
        expected = " or ".join(dtype.__name__ for dtype in dtypes)
        raise ModelError(
            f"{path}: the image must be {expected} of shape {program.input_shape},"
            f" but is {image.dtype} of {image.shape}"
        )
    if not (image.flags.c_contiguous and image.flags.aligned):
        raise ModelError(
            f"{path}: the image must be C-contiguous, but has strides {image.strides}; "
            "pass numpy.ascontiguousarray(image)"
        )
