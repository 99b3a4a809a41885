"""Both implementations of `preprocess` against area means and bilinear weights in float64."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from fakes import CARD, FakeProgram
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seaformer_edge.inference import preprocess as module
from seaformer_edge.inference.preprocess import preprocess
from seaformer_edge.inference.segmenter import Segmenter

Image = NDArray[np.uint8]


@pytest.fixture(params=["native", "opencv"], scope="module", autouse=True)
def tolerance(request: pytest.FixtureRequest) -> Iterator[float]:
    """How far the implementation may be off: OpenCV rounds what it shrinks."""
    if request.param == "native" and module._fill is None:
        pytest.skip("seaformer_edge._native is not built, or older")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "opencv":
            patch.setattr(module, "_fill", None)
        yield 1e-4 if request.param == "native" else 1.0


def weights(pixels: int, outputs: int) -> NDArray[np.float64]:
    """(outputs, pixels): of the pixels that make an output pixel."""
    x, p = np.arange(pixels), np.arange(outputs)[:, None]
    scale = pixels / outputs
    if scale > 1:
        covered = np.minimum(x + 1, (p + 1) * scale) - np.maximum(x, p * scale)
        return covered.clip(0) / scale
    at = np.clip((p + 0.5) * scale - 0.5, 0, pixels - 1)
    return (1 - np.abs(x - at)).clip(0)


def expected(image: Image, height: int, width: int) -> NDArray[np.float64]:
    rows_done = np.tensordot(weights(image.shape[0], height), image, 1)
    columns = weights(image.shape[1], width)
    return np.tensordot(columns, rows_done, (1, 1)).swapaxes(0, 1)


def noise(height: int, width: int) -> Image:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


SIDES = st.integers(1, 40) | st.sampled_from([1, 64, 200])


@settings(deadline=None)
@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES))
def test_area_mean_where_an_axis_shrinks_and_bilinear_where_it_grows(
    tolerance: float, before: tuple[int, int], after: tuple[int, int]
) -> None:
    image = noise(*before)
    made = preprocess(image, *after)
    assert (made.shape, made.dtype, made.flags.c_contiguous) == ((*after, 3), np.float32, True)
    np.testing.assert_allclose(made, expected(image, *after), rtol=0, atol=tolerance)


LAYOUTS = {
    "rows apart": np.s_[:, 3:23],
    "every third row": np.s_[::3],
    "upside down": np.s_[::-1],
    "mirrored": np.s_[:, ::-1],
    "every second column": np.s_[:, ::2],
    "one pixel, the next one far away": np.s_[:1, ::40],
    "BGR": np.s_[:, :, ::-1],
}


@pytest.mark.parametrize("part", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_any_memory_layout(part: tuple[slice, ...]) -> None:
    image = noise(30, 40)[part]
    image.flags.writeable = False
    packed = preprocess(np.ascontiguousarray(image), 16, 20)
    np.testing.assert_array_equal(preprocess(image, 16, 20), packed)


def test_columns_first_in_memory() -> None:
    image = np.asfortranarray(noise(30, 40))
    np.testing.assert_array_equal(preprocess(image, 16, 20), preprocess(noise(30, 40), 16, 20))


@pytest.mark.parametrize("size", [(48, 64), (7, 9), (90, 3)])
def test_float16_is_float32_rounded(size: tuple[int, int]) -> None:
    image = noise(50, 70)
    image[10:40] //= 200  # zeros and ones: their means are below float16's normal numbers
    image[:, :60] *= image[:, :60] > 0
    made = preprocess(image, *size, np.float16)
    assert made.dtype == np.float16
    np.testing.assert_array_equal(made, preprocess(image, *size).astype(np.float16))


def test_float16_below_its_normal_numbers() -> None:
    image = np.zeros((150, 150, 3), np.uint8)
    image[3, 4] = 1, 2, 3
    expected = preprocess(image, 1, 1).astype(np.float16)
    np.testing.assert_array_equal(preprocess(image, 1, 1, np.float16), expected)


def test_a_segmenter_makes_the_type_that_its_program_reads() -> None:
    image = np.zeros((192, 256, 3), np.uint8)
    image[:, ::4] = 252  # stripes, which are lost or too bright where pixels are only sampled
    for precision, dtype in (("fp32", np.float32), ("fp16", np.float16), ("int8", np.float32)):
        card = replace(CARD, precision=precision)
        program = FakeProgram(card)
        Segmenter(program, card)(image)
        assert program.image is not None
        assert program.image.dtype == dtype
        np.testing.assert_allclose(program.image, 63)


INVALID = {
    "grey": (np.zeros((4, 4), np.uint8), 8, 8),
    "alpha": (np.zeros((4, 4, 4), np.uint8), 8, 8),
    "no pixels": (np.zeros((0, 4, 3), np.uint8), 8, 8),
    "float": (np.zeros((4, 4, 3), np.float32), 8, 8),
    "signed": (np.zeros((4, 4, 3), np.int8), 8, 8),
    "no rows": (np.zeros((4, 4, 3), np.uint8), 0, 8),
    "negative width": (np.zeros((4, 4, 3), np.uint8), 8, -8),
    "double": (np.zeros((4, 4, 3), np.uint8), 8, 8, np.float64),
}


@pytest.mark.parametrize("arguments", INVALID.values(), ids=INVALID.keys())
def test_invalid_arguments_are_refused(arguments: tuple[Image, int, int]) -> None:
    match = "an image is|a network's input is"
    with pytest.raises(ValueError, match=match) as info:
        preprocess(*arguments)
    assert "\n" not in str(info.value)
