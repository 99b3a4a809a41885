"""The binding built with this package: needs no torch and releases the GIL during a run."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import seaformer_edge._native as _native
from seaformer_edge.errors import ModelError
from seaformer_edge.runtime.program import check_image, image_shape, logits_shape

# If the official binding was loaded first, this one uses the libraries that it loaded.
if "executorch.extension.pybindings._C" in sys.modules:
    built_with = _native.executorch_version.partition("+")[0]
    loaded = metadata.version("executorch").partition("+")[0]
    if loaded != built_with:
        raise ImportError(f"built with executorch {built_with}, but {loaded} is already loaded")


class NativeProgram:
    """A `Program` that runs in `seaformer_edge._native`.

    Args:
        path, num_threads: see `open_program`.
        time_operators: record the time of each operator, see `operator_times_ms`.
    """

    runs_overlap = True

    def __init__(
        self, path: Path, num_threads: int | None, *, time_operators: bool = False
    ) -> None:
        try:
            self._program = _native.Program(str(path), num_threads or 0, time_operators)
        except RuntimeError as error:
            raise ModelError(str(error)) from error
        layout = self._program.input
        self.is_fp16 = layout.is_fp16
        self.input_shape = image_shape(path, layout.sizes, layout.dim_order)
        layout = self._program.output
        self.output_shape = logits_shape(path, layout.sizes, layout.dim_order)
        self._path = path

    def run(self, image: NDArray[np.floating]) -> NDArray[np.float32]:
        check_image(self._path, image, self)
        try:
            return self._program.run(image).reshape(self.output_shape)
        except RuntimeError as error:
            raise ModelError(str(error)) from error

    def operator_times_ms(self) -> list[tuple[str, float]]:
        """(name, milliseconds) of every XNNPACK operator in the last run, in order of execution.

        A name is e.g. "Convolution (NHWC, F32) DWConv #3", the third of its kind. The resolution
        is 1 microsecond. Empty without `time_operators` and before the first run.
        """
        return [(name, ns / 1e6) for name, ns in self._program.operator_times()]


def thread_count() -> int:
    """The size of the thread pool that all programs of this process share."""
    return _native.thread_count()
