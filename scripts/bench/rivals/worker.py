"""One engine with one network in a separate process, driven by lines of JSON.

worker.py ENGINE {published,ours} FOLDER THREADS

{"do": "check"} answers with the largest difference of the logits from PyTorch's, relative to the
largest logit, and the share of equal labels at 1/8. {"do": "network" | "end-to-end", "frames": N}
answers with N times in milliseconds: of the processor with one thread, of the clock with several.
"end-to-end" is from a camera frame to the picture with the classes drawn over it: in this project,
or as is usual with the other engines.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

CLASSES = 150
Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""(512, 512, 3) float32, or (1, 3, 512, 512) from `planar`, to (150 or 160, 64, 64) float32."""


def planar(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None])


def unchanged(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return image


def onnxruntime(kind: str, folder: Path, threads: int) -> Run:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(
        folder / f"{kind}.onnx", options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0][0]


def openvino(kind: str, folder: Path, threads: int) -> Run:
    import openvino as ov

    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",  # the default is bf16 where the processor has it
    }
    request = ov.compile_model(folder / f"{kind}.onnx", "CPU", settings).create_infer_request()

    def run(x: NDArray[np.float32]) -> NDArray[np.float32]:
        request.infer([x], share_inputs=True, share_outputs=True)
        return request.get_output_tensor().data[0]

    return run


def ncnn(kind: str, folder: Path, threads: int) -> Run:
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = threads
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.load_param(str(folder / f"{kind}.ncnn.param"))
    net.load_model(str(folder / f"{kind}.ncnn.bin"))
    if "out0" not in net.output_names():
        raise SystemExit("pnnx could not convert the whole graph to ncnn")

    def run(x: NDArray[np.float32]) -> NDArray[np.float32]:
        with net.create_extractor() as extractor:
            extractor.input("in0", ncnn.Mat(x[0]))
            return np.array(extractor.extract("out0")[1])

    return run


def litert(kind: str, folder: Path, threads: int) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(folder / f"{kind}.tflite"), num_threads=threads)
    interpreter.allocate_tensors()
    input_index = interpreter.get_input_details()[0]["index"]
    output_index = interpreter.get_output_details()[0]["index"]

    def run(x: NDArray[np.float32]) -> NDArray[np.float32]:
        interpreter.set_tensor(input_index, x[None])
        interpreter.invoke()
        return interpreter.get_tensor(output_index)[0].transpose(2, 0, 1)

    return run


def torch_eager(kind: str, folder: Path, threads: int) -> Run:
    return _torch(kind, folder, threads, compiled=False)


def torch_compile(kind: str, folder: Path, threads: int) -> Run:
    return _torch(kind, folder, threads, compiled=True)


def _torch(kind: str, folder: Path, threads: int, compiled: bool) -> Run:
    import torch
    from networks import graph

    torch.set_num_threads(threads)
    module: Any = graph(folder.name, kind).to(memory_format=torch.channels_last)
    if compiled:
        torch._inductor.config.freezing = True
        module = torch.compile(module)

    def run(x: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            image = torch.from_numpy(x).to(memory_format=torch.channels_last)
            return module(image)[0].numpy()

    return run


def seaformer_edge(kind: str, folder: Path, threads: int) -> Run:
    from seaformer_edge.runtime import open_program

    program = open_program(folder / f"{kind}.pte", threads)
    return lambda x: program.run(x).transpose(2, 0, 1)


NHWC = {"litert", "seaformer_edge"}


def usual(run: Run, layout: Callable[..., Any], frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Resize, run, resize the logits of every class, argmax, colour, blend."""
    height, width = frame.shape[:2]
    logits = run(layout(cv2.resize(frame, (512, 512)).astype(np.float32)))[:CLASSES]
    full = np.stack([cv2.resize(plane, (width, height)) for plane in logits])
    picture = PALETTE[full.argmax(0)]
    return cv2.addWeighted(picture, 0.5, frame, 0.5, 0)


PALETTE = np.random.default_rng(0).integers(0, 256, (256, 3), dtype=np.uint8)


def ours(folder: Path, kind: str, threads: int) -> Callable[[NDArray[np.uint8]], object]:
    from seaformer_edge.inference.segmenter import Segmenter
    from seaformer_edge.inference.views import draw

    segmenter = Segmenter.from_path(folder / f"{kind}.pte", threads)
    return lambda frame: draw(frame, segmenter(frame).label_map, PALETTE)


def compared(logits: NDArray[np.float32], expected: NDArray[np.float32]) -> dict[str, float]:
    logits = logits[:CLASSES]
    return {
        "difference": float(np.abs(logits - expected).max() / np.abs(expected).max()),
        "labels": float((logits.argmax(0) == expected.argmax(0)).mean()),
    }


def timed(work: Callable[[], object], frames: int, threads: int) -> list[float]:
    clock = process_time if threads == 1 else perf_counter
    work()  # not counted: threads and caches are cold after other engines have run
    times_ms = []
    for _ in range(frames):
        started = clock()
        work()
        times_ms.append((clock() - started) * 1e3)
    return times_ms


def main() -> None:
    engine, kind, folder, threads = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    answers = sys.stdout
    sys.stdout = sys.stderr  # engines print messages
    cv2.setNumThreads(threads)
    layout = unchanged if engine in NHWC else planar
    run: Run = globals()[engine](kind, folder, threads)
    frame, image = np.load(folder / "frame.npy"), layout(np.load(folder / "input.npy"))
    end_to_end: Callable[[NDArray[np.uint8]], object] = partial(usual, run, layout)
    if engine == "seaformer_edge":
        end_to_end = ours(folder, kind, threads)
    for line in sys.stdin:
        task = json.loads(line)
        if task["do"] == "check":
            answer: object = compared(run(image), np.load(folder / "logits.npy"))
        elif task["do"] == "network":
            answer = timed(lambda: run(image), task["frames"], threads)
        else:
            answer = timed(lambda: end_to_end(frame), task["frames"], threads)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
