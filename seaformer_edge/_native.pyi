import numpy as np
from numpy.typing import NDArray

executorch_version: str

def upsample_argmax(
    logits: NDArray[np.float32],
    label_map: NDArray[np.uint8],
    counts: NDArray[np.int64],
    confidence: NDArray[np.float32],
    min_confidence: float = 0.0,
) -> bool: ...
def blend(
    image: NDArray[np.uint8],
    label_map: NDArray[np.uint8],
    colours: NDArray[np.uint8],
    shown: NDArray[np.bool],
    opacity: float,
    picture: NDArray[np.uint8],
) -> None: ...
def preprocess(
    image: NDArray[np.uint8], network_input: NDArray[np.float32] | NDArray[np.float16]
) -> None: ...
def thread_count() -> int: ...

class Layout:
    @property
    def sizes(self) -> list[int]: ...
    @property
    def dim_order(self) -> list[int]: ...
    @property
    def is_fp16(self) -> bool: ...

class Program:
    def __init__(self, path: str, thread_count: int, time_operators: bool = False) -> None: ...
    @property
    def input(self) -> Layout: ...
    @property
    def output(self) -> Layout: ...
    def operator_times(self) -> list[tuple[str, float]]: ...
    def run(self, image: NDArray[np.floating]) -> NDArray[np.float32]: ...
