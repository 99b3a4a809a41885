"""What every network here takes: multiples of 32, normalised RGB. Imports no torch."""

from __future__ import annotations

SIZE_MULTIPLE = 32
"""Height and width of the input are multiples of this."""

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
"""Mean and standard deviation of RGB 0..255. SeaFormer, published or trained here, expects them."""


def round_size(height: int, width: int) -> tuple[int, int]:
    """The nearest (height, width) that a network takes, at least 32 x 32."""

    def nearest(length: int) -> int:
        return max(SIZE_MULTIPLE, round(length / SIZE_MULTIPLE) * SIZE_MULTIPLE)

    return nearest(height), nearest(width)


def check_size(height: int, width: int) -> None:
    """Raise ValueError unless a network takes inputs of this size."""
    if height % SIZE_MULTIPLE or width % SIZE_MULTIPLE or min(height, width) <= 0:
        raise ValueError(
            f"width and height must be multiples of {SIZE_MULTIPLE}, got {width}x{height}"
        )
