"""Decoded frames as upright RGB pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import av
import numpy as np
from av.sidedata.sidedata import Type
from av.video.reformatter import Colorspace, VideoReformatter
from numpy.typing import NDArray

from seaformer_edge.sources.base import NewImage

# FFmpeg's code for an unspecified colour space. Players then assume BT.709 for pictures that are
# larger than standard definition; these are mpv's limits.
UNSPECIFIED = 2
SD_WIDTH, SD_HEIGHT = 1279, 576


def upright_rgb(
    picture: av.VideoFrame, to_rgb: VideoReformatter, new_image: NewImage
) -> NDArray[np.uint8]:
    """The decoded picture as (H, W, 3) uint8 RGB, rotated and mirrored by its display matrix.

    Args:
        new_image: makes the array.
    """
    matrix = None
    if picture.colorspace == UNSPECIFIED and (
        picture.width > SD_WIDTH or picture.height > SD_HEIGHT
    ):
        matrix = Colorspace.ITU709
    rgb = to_rgb.reformat(picture, format="rgb24", src_colorspace=matrix)
    # Rows are longer than the picture is wide.
    rows = np.frombuffer(memoryview(rgb.planes[0]), np.uint8).reshape(rgb.height, -1)
    upright = _upright(rows[:, : 3 * rgb.width].reshape(rgb.height, rgb.width, 3), picture)
    image = new_image(upright.shape)
    image[:] = upright
    return image


def _upright(image: NDArray[Any], picture: av.VideoFrame) -> NDArray[Any]:
    # The stubs of PyAV know no display matrix.
    data = cast(Mapping[Any, bytes], picture.side_data).get(Type.DISPLAYMATRIX)
    if data is None:
        return image
    # (x, y) of the coded picture is shown at (a x + c y, b x + d y).
    a, b, _, c, d = np.frombuffer(data, np.int32)[:5].tolist()
    if abs(b) > abs(a):
        image = image.transpose(1, 0, 2)
        mirrored, flipped = c < 0, b < 0
    else:
        mirrored, flipped = a < 0, d < 0
    return image[:: -1 if flipped else 1, :: -1 if mirrored else 1]
