from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.card import Card, write_card
from seaformer_edge.inference import segmenter as module
from seaformer_edge.inference.labels import upsample_argmax
from seaformer_edge.inference.segmenter import Classifier, Segmenter

Image = NDArray[np.uint8]

CARD = Card(
    name="tiny",
    task="segmentation",
    variant="T",
    precision="fp32",
    height=32,
    width=64,
    mean=(0.0, 0.0, 0.0),
    std=(1.0, 1.0, 1.0),
    classes=("road", "sky", "car"),
    palette=((1, 2, 3), (4, 5, 6), (7, 8, 9)),
    logit_channels=16,
    origin="test",
    data="none",
    licence="none",
)
CLASSIFIER_CARD = replace(CARD, task="classification")


class FakeProgram:
    """Computes `function` and records its inputs."""

    def __init__(
        self,
        function: Callable[[NDArray[np.float32]], NDArray[np.float32]],
        output_shape: tuple[int, ...] = (4, 8, 16),
        input_shape: tuple[int, int, int] = (32, 64, 3),
    ) -> None:
        self.function = function
        self.is_fp16 = False
        self.input_shape = input_shape
        self.output_shape = output_shape
        self.seen: list[NDArray[np.float32]] = []

    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        assert image.shape == self.input_shape
        assert image.dtype == np.float32
        assert image.flags.c_contiguous
        self.seen.append(image.copy())
        return self.function(image)


def colours_as_logits(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Class c wins where colour channel c is strongest. The padding channels are the highest."""
    logits = np.full((4, 8, 16), 1000, np.float32)
    logits[..., :3] = image[4::8, 4::8] / 16
    return logits


def constant(logits: list[float]) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    return lambda image: np.array(logits + [1000.0] * (16 - len(logits)), np.float32)


def picture(height: int, width: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_an_image_of_the_networks_size_is_not_resampled() -> None:
    program = FakeProgram(colours_as_logits)
    image = picture(32, 64)
    segmentation = Segmenter(program, CARD)(image)
    np.testing.assert_array_equal(program.seen[0], image)
    expected = upsample_argmax(colours_as_logits(image.astype(np.float32)), 3, (64, 32))
    np.testing.assert_array_equal(segmentation.label_map, expected.label_map)


@pytest.mark.parametrize("size", [(480, 640), (31, 17), (1, 1), (16, 128)])
def test_the_label_map_has_the_size_of_the_image(size: tuple[int, int]) -> None:
    program = FakeProgram(colours_as_logits)
    image = np.zeros((*size, 3), np.uint8)
    image[: size[0] // 2, :, 1] = 200
    image[size[0] // 2 :, :, 2] = 100
    segmentation = Segmenter(program, CARD)(image)
    assert segmentation.label_map.shape == size
    assert segmentation.label_map[-1, -1] == 2
    assert sum(c.share for c in segmentation.classes) == pytest.approx(1)


def test_classes_are_sorted_by_share() -> None:
    image = np.zeros((40, 80, 3), np.uint8)
    image[:, :20, 0] = 255  # a quarter road
    image[:, 20:, 2] = 255  # the rest car
    car, road = Segmenter(FakeProgram(colours_as_logits), CARD)(image).classes
    assert (car.class_id, car.name, road.class_id, road.name) == (2, "car", 0, "road")
    assert car.share == pytest.approx(0.75, abs=0.02)
    assert road.share == pytest.approx(0.25, abs=0.02)
    assert 0.9 < car.confidence < 1
    assert 0.9 < road.confidence < 1


def test_timings_name_every_stage() -> None:
    segmentation = Segmenter(FakeProgram(colours_as_logits), CARD)(picture(20, 30))
    assert list(segmentation.timings_ms) == ["resize", "network", "labels"]
    assert all(value >= 0 for value in segmentation.timings_ms.values())


def test_results_are_not_overwritten_by_the_next_image() -> None:
    segmenter = Segmenter(FakeProgram(colours_as_logits), CARD)
    first = segmenter(picture(50, 60, seed=1))
    kept = first.label_map.copy()
    segmenter(picture(50, 60, seed=2))
    np.testing.assert_array_equal(first.label_map, kept)


def test_a_segmenter_is_thread_safe() -> None:
    segmenter = Segmenter(FakeProgram(colours_as_logits), CARD)
    images = [picture(40 + i, 60, seed=i) for i in range(8)]
    expected = [segmenter(image).label_map for image in images]
    found: dict[int, list[bool]] = {i: [] for i in range(8)}

    def work(i: int) -> None:
        for _ in range(20):
            found[i].append(np.array_equal(segmenter(images[i]).label_map, expected[i]))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(found[i] == [True] * 20 for i in range(8))


def test_an_error_is_raised_and_the_next_image_works() -> None:
    def fail(image: NDArray[np.float32]) -> NDArray[np.float32]:
        raise ModelError("out of memory")

    program = FakeProgram(fail)
    segmenter = Segmenter(program, CARD)
    with pytest.raises(ModelError, match="out of memory"):
        segmenter(picture(10, 10))
    program.function = colours_as_logits
    assert segmenter(picture(10, 10)).label_map.shape == (10, 10)


def test_nan_logits_are_refused() -> None:
    program = FakeProgram(lambda image: np.full((4, 8, 16), np.nan, np.float32))
    with pytest.raises(ModelError, match="NaN"):
        Segmenter(program, CARD)(picture(10, 10))


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((10, 10), np.uint8),
        ((10, 10, 4), np.uint8),
        ((0, 10, 3), np.uint8),
        ((9, 9, 3), np.float32),
    ],
)
def test_an_invalid_image_is_refused(shape: tuple[int, ...], dtype: type) -> None:
    with pytest.raises(ValueError, match="uint8"):
        Segmenter(FakeProgram(colours_as_logits), CARD)(np.zeros(shape, dtype))


@pytest.mark.parametrize(
    ("card", "output_shape", "input_shape", "message"),
    [
        (CLASSIFIER_CARD, (4, 8, 16), (32, 64, 3), "for classification, not for segmentation"),
        (CARD, (4, 8, 16), (64, 32, 3), "input is"),
        (CARD, (4, 8, 24), (32, 64, 3), "output is"),
        (CARD, (16,), (32, 64, 3), "output is"),
        (replace(CARD, precision="fp16"), (4, 8, 16), (32, 64, 3), "not fp16, but .* fp16"),
    ],
)
def test_a_program_that_does_not_match_its_card_is_refused(
    card: Card, output_shape: tuple[int, ...], input_shape: tuple[int, int, int], message: str
) -> None:
    program = FakeProgram(colours_as_logits, output_shape, input_shape)
    with pytest.raises(ModelError, match=message):
        Segmenter(program, card)


def test_from_path_opens_only_a_file_that_matches_its_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str | Path, int | None]] = []

    def open_program(path: str | Path, num_threads: int | None = None) -> FakeProgram:
        opened.append((path, num_threads))
        return FakeProgram(colours_as_logits)

    monkeypatch.setattr(module, "open_program", open_program)
    tried: list[Path] = []
    monkeypatch.setattr(module, "vet_program", lambda path, sha256: tried.append(path))
    path = tmp_path / "tiny.pte"
    path.write_bytes(b"a program")
    write_card(CARD, path)
    segmenter = Segmenter.from_path(str(path), num_threads=2)
    assert segmenter.card.name == "tiny"
    assert opened == [(path, 2)]
    assert tried == [path]

    path.write_bytes(b"a Program")
    with pytest.raises(ModelError, match="altered"):
        Segmenter.from_path(path)
    assert len(opened) == 1


def test_classifier_returns_the_most_probable_classes() -> None:
    program = FakeProgram(constant([0.0, np.log(3.0), 0.0]), (16,))
    found = Classifier(program, CLASSIFIER_CARD)(picture(20, 30), k=2)
    assert [(c.class_id, c.name) for c in found.classes] == [(1, "sky"), (0, "road")]
    assert [c.probability for c in found.classes] == pytest.approx([0.6, 0.2])
    assert list(found.timings_ms) == ["resize", "network"]


def test_classifier_returns_at_most_all_classes() -> None:
    program = FakeProgram(constant([1.0, 2.0, 3.0]), (16,))
    found = Classifier(program, CLASSIFIER_CARD)(picture(20, 30))
    assert sum(c.probability for c in found.classes) == pytest.approx(1)
    assert len(found.classes) == 3


def test_classifier_refuses_nan() -> None:
    program = FakeProgram(constant([0.0, np.nan, 0.0]), (16,))
    with pytest.raises(ModelError, match="NaN"):
        Classifier(program, CLASSIFIER_CARD)(picture(20, 30))
