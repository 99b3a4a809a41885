"""Both implementations of `upsample_argmax` against a plain argmax(bilinear(logits))."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seaformer_edge.errors import ModelError
from seaformer_edge.frame import NO_CLASS
from seaformer_edge.inference import labels
from seaformer_edge.inference.labels import Labels, upsample_argmax

Logits = NDArray[np.float32]


@pytest.fixture(params=["native", "numpy"], scope="module", autouse=True)
def _implementation(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.param == "native" and labels._native is None:
        pytest.skip("seaformer_edge._native is not built")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "numpy":
            patch.setattr(labels, "_native", None)
        yield


def upsample(values: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.float64]:
    """Bilinear with align_corners=False in float64: (h, w, C) to (H, W, C)."""
    full = values.astype(np.float64)
    for axis, pixels in ((0, size[1]), (1, size[0])):
        positions = full.shape[axis]
        at = np.clip((np.arange(pixels) + 0.5) * positions / pixels - 0.5, 0, positions - 1)
        first = np.floor(at).astype(int)
        second = np.minimum(first + 1, positions - 1)
        weight = np.expand_dims(at - first, (1, 2) if axis == 0 else (0, 2))
        full = full.take(first, axis) * (1 - weight) + full.take(second, axis) * weight
    return full


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    odds = np.exp(logits.astype(np.float64) - logits.max(axis=2, keepdims=True))
    return odds / odds.sum(axis=2, keepdims=True)


def check(found: Labels, logits: Logits, num_classes: int, size: tuple[int, int]) -> None:
    """Every pixel has the class of the highest logit, up to rounding; the sums match the map."""
    logits = logits[..., :num_classes]
    label_map, pixels, confidence = found
    assert label_map.shape == size[::-1]
    assert (label_map.dtype, pixels.dtype, confidence.dtype) == (np.uint8, np.int64, np.float32)
    assert label_map.max() < num_classes

    full = upsample(logits, size)
    chosen = np.take_along_axis(full, label_map[..., None].astype(int), axis=2)[..., 0]
    rounding = 5e-6 * max(1.0, float(np.abs(logits).max()))
    assert (full.max(axis=2) - chosen).max() <= rounding

    assert (pixels == np.bincount(label_map.ravel(), minlength=num_classes)).all()
    probability = upsample(softmax(logits), size)
    for label in range(num_classes):
        mine = probability[..., label][label_map == label]
        assert confidence[label] == pytest.approx(mine.mean() if mine.size else 0.0, abs=1e-4)


def smooth_logits(height: int, width: int, channels: int, seed: int) -> Logits:
    """Noise at a quarter of the size, upsampled."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, 4, (height // 4 + 1, width // 4 + 1, channels))
    return upsample(coarse, (width, height)).astype(np.float32)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Logits, int, tuple[int, int]]:
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    num_classes = draw(st.integers(1, 12) | st.sampled_from([150, 256]))
    channels = num_classes + draw(st.sampled_from([0, 0, 1, 10]))
    size = draw(st.tuples(st.integers(1, 80), st.integers(1, 80)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (height, width, channels)
    match draw(st.sampled_from(["normal", "huge", "tiny", "ties", "constant"])):
        case "normal":
            logits = rng.normal(0, 5, shape)
        case "huge":
            logits = rng.uniform(-1e4, 1e4, shape)
        case "tiny":
            logits = rng.normal(0, 1e-3, shape)
        case "ties":
            logits = rng.integers(-1, 2, shape)
        case _:
            logits = np.full(shape, rng.normal())
    return logits.astype(np.float32), num_classes, size


@settings(deadline=None, max_examples=150)
@given(cases())
def test_any_logits_at_any_size(case: tuple[Logits, int, tuple[int, int]]) -> None:
    check(upsample_argmax(*case), *case)


@settings(deadline=None, max_examples=150)
@given(cases(), st.floats(0.01, 1.0))
def test_pixels_below_the_floor_have_no_class(
    case: tuple[Logits, int, tuple[int, int]], floor: float
) -> None:
    logits, num_classes, size = case
    num_classes = min(num_classes, NO_CLASS)
    plain = upsample_argmax(logits, num_classes, size).label_map.astype(int)
    label_map, pixels, confidence = upsample_argmax(logits, num_classes, size, floor)

    probability = upsample(softmax(logits[..., :num_classes]), size)
    chosen = np.take_along_axis(probability, plain[..., None], axis=2)[..., 0]
    clear = np.abs(chosen - floor) > 2e-5  # beyond rounding
    assert (label_map == np.where(chosen < floor, NO_CLASS, plain))[clear].all()
    known = label_map != NO_CLASS
    assert (label_map == plain)[known].all()
    assert (pixels == np.bincount(plain[known], minlength=num_classes)).all()
    sums = np.bincount(plain[known], chosen[known], minlength=num_classes)
    np.testing.assert_allclose(confidence, sums / np.maximum(pixels, 1), atol=1e-4)


def test_256_classes_leave_no_id_for_unknown_pixels() -> None:
    with pytest.raises(ModelError, match="minimum confidence"):
        upsample_argmax(np.zeros((4, 4, 256), np.float32), 256, (32, 32), 0.5)


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(8, 8), (16, 64), (32, 16), (4, 2)]),
    st.integers(1, 6),
)
def test_ties_go_to_the_first_class(seed: int, size: tuple[int, int], num_classes: int) -> None:
    """Small integers, upsampled by a power of two: float32 is exact, so ties are exact."""
    logits = np.random.default_rng(seed).integers(-2, 3, (8, 8, num_classes)).astype(np.float32)
    expected = upsample(logits, size).argmax(axis=2)
    assert (upsample_argmax(logits, num_classes, size).label_map == expected).all()


@pytest.mark.parametrize("size", [(200, 160), (163, 121), (20, 16), (9, 15), (1, 1), (300, 1)])
def test_smooth_logits_of_150_classes(size: tuple[int, int]) -> None:
    logits = smooth_logits(16, 20, 160, seed=1)
    check(upsample_argmax(logits, 150, size), logits, 150, size)


def test_noise_of_150_classes() -> None:
    logits = np.random.default_rng(2).normal(0, 3, (12, 16, 150)).astype(np.float32)
    check(upsample_argmax(logits, 150, (160, 120)), logits, 150, (160, 120))


def test_of_two_equal_channels_the_second_never_wins() -> None:
    logits = np.repeat(smooth_logits(16, 16, 10, seed=3), 2, axis=2)
    pixels = upsample_argmax(logits, 20, (200, 150)).pixels
    assert pixels[1::2].sum() == 0
    assert np.count_nonzero(pixels) > 3


def test_a_class_that_wins_at_no_logit_position_wins_between_them() -> None:
    logits = np.array([[[10, 0, 8], [0, 10, 8]]], np.float32)
    assert list(np.unique(upsample_argmax(logits, 3, (100, 20)).label_map)) == [0, 1, 2]


def test_padding_channels_are_ignored() -> None:
    logits = smooth_logits(8, 8, 16, seed=4)
    expected = upsample_argmax(logits[..., :11], 11, (100, 80))
    logits[..., 11:14] = 100
    logits[..., 14:] = np.nan
    for got, want in zip(upsample_argmax(logits, 11, (100, 80)), expected, strict=True):
        np.testing.assert_array_equal(got, want)


def test_the_last_of_256_classes() -> None:
    logits = np.zeros((4, 4, 256), np.float32)
    logits[..., 255] = 1
    found = upsample_argmax(logits, 256, (32, 32))
    assert (found.label_map == 255).all()
    assert found.pixels[255] == 32 * 32


def test_other_layouts_and_dtypes() -> None:
    logits = smooth_logits(8, 9, 6, seed=5)
    expected = upsample_argmax(logits, 6, (90, 80))
    planes = np.ascontiguousarray(logits.transpose(2, 0, 1))
    for other in (planes.transpose(1, 2, 0), logits.astype(np.float64), logits[::-1][::-1]):
        for got, want in zip(upsample_argmax(other, 6, (90, 80)), expected, strict=True):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_are_refused(value: float) -> None:
    for position in np.ndindex(2, 2, 7):
        logits = np.zeros((2, 2, 7), np.float32)
        logits[position] = value
        with pytest.raises(ModelError, match="NaN or infinity"):
            upsample_argmax(logits, 7, (20, 10))


@pytest.mark.parametrize(
    ("shape", "num_classes", "size"),
    [
        ((4, 4), 3, (8, 8)),
        ((0, 4, 3), 3, (8, 8)),
        ((4, 4, 3), 4, (8, 8)),
        ((4, 4, 3), 0, (8, 8)),
        ((4, 4, 300), 257, (8, 8)),
        ((4, 4, 3), 3, (0, 8)),
    ],
)
def test_invalid_arguments_are_refused(
    shape: tuple[int, ...], num_classes: int, size: tuple[int, int]
) -> None:
    with pytest.raises(ValueError, match=r"num_classes|empty|pixel"):
        upsample_argmax(np.zeros(shape, np.float32), num_classes, size)
