"""The contract of `seaformer_edge.runtime.Program`, tested with both bindings."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from seaformer_edge.errors import ModelError

if TYPE_CHECKING:
    from conftest import Binding

PROGRAMS = Path(__file__).parents[1] / "data" / "programs"
SHAPE = (32, 48, 3)


def images(count: int, shape: tuple[int, ...] = SHAPE) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    return [rng.uniform(0, 255, shape).astype(np.float32) for _ in range(count)]


def test_shapes(binding: Binding) -> None:
    program = binding.open("nhwc")
    assert program.input_shape == SHAPE
    assert program.output_shape == (4, 6, 5)
    logits = program.run(images(1)[0])
    assert (logits.shape, logits.dtype) == ((4, 6, 5), np.float32)
    assert logits.flags.c_contiguous


def test_classifier(binding: Binding) -> None:
    program = binding.open("classifier")
    assert program.output_shape == (7,)
    assert program.run(images(1, (32, 32, 3))[0]).shape == (7,)


def test_program_that_allocates_its_input_and_output(binding: Binding) -> None:
    (image,) = images(1)
    expected = binding.open("nhwc").run(image)
    np.testing.assert_array_equal(binding.open("nhwc_planned").run(image), expected)


def test_fp16_program(binding: Binding) -> None:
    (image,) = images(1)
    fp32, fp16 = binding.open("nhwc"), binding.open("nhwc_fp16")
    assert (fp32.is_fp16, fp16.is_fp16) == (False, True)
    logits = fp16.run(image)
    assert (logits.shape, logits.dtype) == ((4, 6, 5), np.float32)
    assert logits.flags.c_contiguous
    expected = fp32.run(image)
    np.testing.assert_allclose(logits, expected, atol=0.01 * np.abs(expected).max())


def test_fp16_program_reads_a_float16_image(binding: Binding) -> None:
    (image,) = images(1)
    program, half = binding.open("nhwc_fp16"), image.astype(np.float16)
    half.flags.writeable = False
    np.testing.assert_array_equal(program.run(half), program.run(image))
    with pytest.raises(ModelError, match="must be float32 or float16"):
        program.run(image.astype(np.float64))


def test_fp16_overflow_names_the_precision_to_take(binding: Binding) -> None:
    program = binding.open("nhwc_fp16")
    with pytest.raises(ModelError, match=r"nhwc_fp16\.pte: .*overflowed.*fp32"):
        program.run(np.full(SHAPE, 1e5, np.float32))  # more than fp16 can hold


@pytest.mark.parametrize("name", ["nhwc", "nhwc_planned", "nhwc_fp16"])
def test_a_later_run_does_not_change_earlier_logits(binding: Binding, name: str) -> None:
    program = binding.open(name)
    first, second = images(2)
    logits = program.run(first)
    kept = logits.copy()
    assert not np.array_equal(program.run(second), kept)
    np.testing.assert_array_equal(logits, kept)


def test_logits_outlive_their_program(binding: Binding) -> None:
    program = binding.open("nhwc")
    logits = program.run(images(1)[0])
    kept = logits.copy()
    del program
    gc.collect()
    np.testing.assert_array_equal(logits, kept)


def test_read_only_image(binding: Binding) -> None:
    program = binding.open("nhwc")
    (image,) = images(1)
    expected = program.run(image)
    image.flags.writeable = False
    np.testing.assert_array_equal(program.run(image), expected)


def test_the_image_is_not_changed(binding: Binding) -> None:
    (image,) = images(1)
    kept = image.copy()
    binding.open("nhwc").run(image)
    np.testing.assert_array_equal(image, kept)


def test_nan_does_not_affect_later_runs(binding: Binding) -> None:
    program = binding.open("nhwc")
    (image,) = images(1)
    expected = program.run(image)
    program.run(np.full(SHAPE, np.nan, np.float32))
    np.testing.assert_array_equal(program.run(image), expected)


WRONG_IMAGES = {
    "too small": np.zeros((32, 32, 3), np.float32),
    "rotated": np.zeros((48, 32, 3), np.float32),
    "planar": np.zeros((3, 32, 48), np.float32),
    "batched": np.zeros((1, *SHAPE), np.float32),
    "alpha": np.zeros((32, 48, 4), np.float32),
    "empty": np.zeros((0, 48, 3), np.float32),
    "bytes": np.zeros(SHAPE, np.uint8),
    "double": np.zeros(SHAPE, np.float64),
    "half": np.zeros(SHAPE, np.float16),
    "big-endian": np.zeros(SHAPE, ">f4"),
    "transposed": np.zeros((48, 32, 3), np.float32).transpose(1, 0, 2),
    "planes seen as NHWC": np.zeros((3, 32, 48), np.float32).transpose(1, 2, 0),
    "every second column": np.zeros((32, 96, 3), np.float32)[:, ::2],
    "mirrored": np.zeros(SHAPE, np.float32)[:, ::-1],
    "unaligned": np.zeros(32 * 48 * 12 + 1, np.uint8)[1:].view(np.float32).reshape(SHAPE),
}


@pytest.mark.parametrize("image", WRONG_IMAGES.values(), ids=WRONG_IMAGES.keys())
def test_invalid_image_is_refused(binding: Binding, image: NDArray[np.float32]) -> None:
    with pytest.raises(
        ModelError,
        match=r"nhwc\.pte: the image must be (float32 of shape \(32, 48, 3\)|C-contiguous)",
    ) as info:
        binding.open("nhwc").run(image)
    assert "\n" not in str(info.value)


def test_planar_program_is_refused(binding: Binding) -> None:
    with pytest.raises(ModelError, match=r"nchw\.pte: its input is \(1, 3, 32, 48\) in memory"):
        binding.open("nchw")


def test_program_with_two_outputs_is_refused(binding: Binding) -> None:
    with pytest.raises(ModelError, match=r"two_outputs\.pte: must have one input and one output"):
        binding.open("two_outputs")


CONTENT = (PROGRAMS / "nhwc.pte").read_bytes()
DAMAGED = {
    "empty": b"",
    "header only": CONTENT[:64],
    "first half": CONTENT[: len(CONTENT) // 2],
    "last byte missing": CONTENT[:-1],
    "garbage": bytes(range(256)) * 64,
    "text": b"<html>404: no such page</html>" * 100,
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_file(binding: Binding, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.pte"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"damaged\.pte: .*0x") as info:
        binding.open(path)
    assert "\n" not in str(info.value)


def test_native_error_is_one_line_with_program_error_and_reason(
    native: Binding, tmp_path: Path
) -> None:
    path = tmp_path / "damaged.pte"
    path.write_bytes(CONTENT[:-1])
    # In a separate process, because the official binding takes over the log of the native one.
    code = f"from seaformer_edge.runtime import open_program; open_program({str(path)!r})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    line = run.stderr.splitlines()[-1]
    assert f"{path}: ExecuTorch Error::InvalidProgram (0x23): File size is too small" in line
    assert run.stderr.startswith("Traceback")  # nothing logged beside the exception


def test_simultaneous_calls_give_the_same_logits(binding: Binding) -> None:
    program = binding.open("nhwc")
    inputs = images(8)
    expected = [program.run(image) for image in inputs]
    with ThreadPoolExecutor(8) as threads:
        for _ in range(20):
            for got, wanted in zip(threads.map(program.run, inputs), expected, strict=True):
                np.testing.assert_array_equal(got, wanted)


def test_simultaneous_programs_give_the_same_logits(binding: Binding) -> None:
    programs = [binding.open("nhwc") for _ in range(4)]
    inputs = images(4)
    expected = [programs[0].run(image) for image in inputs]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(20):
            runs = threads.map(lambda p, image: p.run(image), programs, inputs)
            for got, wanted in zip(runs, expected, strict=True):
                np.testing.assert_array_equal(got, wanted)


def test_both_bindings_give_the_same_logits(native: Binding, official: Binding) -> None:
    for name in ("nhwc", "classifier"):
        one, other = native.open(name), official.open(name)
        for image in images(3, one.input_shape):
            np.testing.assert_array_equal(one.run(image), other.run(image))


def test_the_gil_is_free_while_the_native_binding_runs(native: Binding) -> None:
    program = native.open("slow")
    (image,) = images(1, program.input_shape)
    done = threading.Event()

    def run() -> None:
        program.run(image)
        done.set()

    thread = threading.Thread(target=run)
    thread.start()
    ticks = 0
    while not done.is_set():
        time.sleep(0.001)
        ticks += 1
    thread.join()
    # If the GIL were held, this thread would return from its first sleep only after the run.
    assert ticks >= 5


RUNS_WHEN_PYTHON_ENDS = f"""
import threading, time
import numpy as np
from seaformer_edge.runtime import open_program

program = open_program({str(PROGRAMS / "nhwc.pte")!r}, 2)
image = np.zeros(program.input_shape, np.float32)
warm = threading.Event()

def run():
    while True:
        program.run(image)
        warm.set()

for _ in range(2):
    threading.Thread(target=run, daemon=True).start()
warm.wait()
time.sleep(0.05)
"""


def test_python_ends_while_a_daemon_thread_runs_a_program(native: Binding) -> None:
    for _ in range(4):  # the thread is interrupted at a random point of its run
        command = [sys.executable, "-c", RUNS_WHEN_PYTHON_ENDS]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (run.returncode, run.stderr) == (0, "")


def test_number_of_threads(binding: Binding) -> None:
    gc.collect()  # an earlier test's traceback may keep a program open
    before = binding.thread_count()
    for num_threads in (1, 3, before):
        program = binding.open("nhwc", num_threads)
        assert binding.thread_count() == num_threads
        del program


def test_default_number_of_threads_after_another_one(binding: Binding) -> None:
    gc.collect()
    program = binding.open("nhwc")
    own = binding.thread_count()
    del program
    program = binding.open("nhwc", own + 1)
    another = binding.open("nhwc")
    assert binding.thread_count() == own + 1
    del program, another
    binding.open("nhwc")
    assert binding.thread_count() == own


def test_number_of_threads_cannot_change_while_a_program_is_open(binding: Binding) -> None:
    (image,) = images(1)
    program = binding.open("nhwc")
    before = binding.thread_count()
    expected = program.run(image)
    with pytest.raises(ModelError, match=rf"cannot run on {before + 1} threads"):
        binding.open("nhwc", before + 1)
    binding.open("nhwc", before)
    np.testing.assert_array_equal(program.run(image), expected)
