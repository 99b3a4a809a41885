"""The binding of the executorch package: needs torch and holds the GIL during a run."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import ClassVar
from weakref import WeakSet

import numpy as np
import torch
from numpy.typing import NDArray

from seaformer_edge.errors import ModelError
from seaformer_edge.runtime.program import check_image, image_shape, logits_shape
from seaformer_edge.runtime.quiet import quiet

with quiet():
    from executorch.exir._serialize._program import deserialize_pte_binary
    from executorch.exir.scalar_type import ScalarType
    from executorch.extension.pybindings import portable_lib
    from executorch.runtime import Runtime

DEFAULT_THREADS = int(portable_lib._threadpool_get_thread_count())
"""ExecuTorch's default for this machine, read before `OfficialProgram` changes the pool."""


class OfficialProgram:
    """A `Program` that runs in `executorch.runtime`."""

    runs_overlap = False
    _open: ClassVar[WeakSet[OfficialProgram]] = WeakSet()
    _opening: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, path: Path, num_threads: int | None) -> None:
        with self._opening:
            if num_threads is None and not self._open:
                num_threads = DEFAULT_THREADS
            if num_threads is not None and num_threads != thread_count():
                self._set_thread_count(path, num_threads)
            try:
                self._method = Runtime.get().load_program(path).load_method("forward")
            except (RuntimeError, KeyError) as error:
                raise ModelError(f"{path}: {error}") from error
            # The binding does not report the memory order, so it is read from the file.
            try:
                plan = deserialize_pte_binary(path.read_bytes()).program.execution_plan[0]
            except Exception as error:  # the parser of damaged bytes raises many kinds
                raise ModelError(f"{path}: not a program, or damaged ({error})") from error
            if len(plan.inputs) != 1 or len(plan.outputs) != 1:
                raise ModelError(f"{path}: must have one input and one output")
            tensor = plan.values[plan.inputs[0]].val
            self.is_fp16 = tensor.scalar_type == ScalarType.HALF
            self.input_shape = image_shape(path, tensor.sizes, tensor.dim_order)
            tensor = plan.values[plan.outputs[0]].val
            self.output_shape = logits_shape(path, tensor.sizes, tensor.dim_order)
            self._path = path
            self._running = threading.Lock()
            self._open.add(self)

    def run(self, image: NDArray[np.floating]) -> NDArray[np.float32]:
        check_image(self._path, image, self)
        if not image.flags.writeable:
            image = image.copy()  # torch does not support read-only tensors
        tensor = torch.from_numpy(image).permute(2, 0, 1).unsqueeze(0)
        if self.is_fp16:
            tensor = tensor.half()
        with self._running:
            try:
                (output,) = self._method.execute([tensor])
            except RuntimeError as error:
                raise ModelError(f"{self._path}: {error}") from error
        logits: NDArray[np.float32] = output[0].movedim(0, -1).float().numpy()
        if self.is_fp16 and not np.isfinite(logits).all():
            raise ModelError(
                f"{self._path}: its fp16 arithmetic overflowed on this image;"
                " take the model's fp32 program"
            )
        return logits

    def _set_thread_count(self, path: Path, num_threads: int) -> None:
        # A loaded program keeps a pointer to the pool, and a new size replaces the pool.
        if self._open:
            raise ModelError(
                f"{path}: cannot run on {num_threads} threads while a program on "
                f"{thread_count()} threads is open: they share one pool"
            )
        portable_lib._unsafe_reset_threadpool(num_threads)


def thread_count() -> int:
    """The size of the thread pool that all programs of this process share."""
    return int(portable_lib._threadpool_get_thread_count())
