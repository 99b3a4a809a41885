"""The child of `sources.process`: opens what its stdin names, writes the frames to its stdout.

python -m seaformer_edge.sources.worker
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import IO

import cv2

from seaformer_edge.errors import SourceError
from seaformer_edge.sources import open_source
from seaformer_edge.sources.process import GRACE_S


def main() -> None:
    spec: str = json.loads(sys.stdin.buffer.readline())
    closing = threading.Event()
    threading.Thread(target=_await_end, args=(closing,), daemon=True).start()
    # Whatever else prints must not get between the frames.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    cv2.setNumThreads(1)  # the network needs the other cores more
    try:
        _serve(spec, output, closing)
    except SourceError as error:
        _tell(output, error=str(error))
    except BrokenPipeError:
        pass
    except Exception as error:  # whose words may hold a whole URL
        _tell(output, error=f"the source failed ({type(error).__name__})")
    # Libraries' own threads may wait for a device that never answers.
    os._exit(0)


def _serve(spec: str, output: IO[bytes], closing: threading.Event) -> None:
    with open_source(spec) as source:
        rate = source.frame_rate
        _tell(
            output,
            name=source.name,
            frame_rate=None if rate is None else str(rate),
            live=source.live,
        )
        for frame in source:
            if closing.is_set():
                return
            _tell(
                output,
                shape=frame.image.shape,
                index=frame.index,
                timestamp_s=frame.timestamp_s,
                captured_at_s=frame.captured_at_s,
                lost=source.lost_frames,
            )
            output.write(frame.image.data)
            output.flush()
        _tell(output, end=True)


def _tell(output: IO[bytes], **message: object) -> None:
    output.write(json.dumps(message).encode() + b"\n")
    output.flush()


def _await_end(closing: threading.Event) -> None:
    """Waits for the parent's end, or its word: asks the source to end, then ends it."""
    sys.stdin.buffer.read()
    closing.set()
    threading.Event().wait(GRACE_S / 2)
    os._exit(0)


if __name__ == "__main__":
    main()
