"""Decoded frames as upright RGB pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import av
import numpy as np
from av.sidedata.sidedata import Type
from av.video.reformatter import Colorspace, VideoReformatter
from numpy.typing import NDArray

# FFmpeg's code for an unspecified colour space. Players then assume BT.709 for pictures that are
# larger than standard definition; these are mpv's limits.
UNSPECIFIED = 2
SD_WIDTH, SD_HEIGHT = 1279, 576


def upright_rgb(picture: av.VideoFrame, to_rgb: VideoReformatter) -> NDArray[np.uint8]:
    """The decoded picture as (H, W, 3) uint8 RGB, rotated and mirrored by its display matrix."""
    matrix = None
    if picture.colorspace == UNSPECIFIED and (
        picture.width > SD_WIDTH or picture.height > SD_HEIGHT
    ):
        matrix = Colorspace.ITU709
    image = to_rgb.reformat(picture, format="rgb24", src_colorspace=matrix).to_ndarray()
    return np.ascontiguousarray(_upright(image, picture), dtype=np.uint8)


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
