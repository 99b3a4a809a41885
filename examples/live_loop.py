"""Print the largest class of the newest frame: python examples/live_loop.py 0"""

import sys

from seaformer_edge.hub.zoo import resolve_model
from seaformer_edge.live.pipeline import LivePipeline

seen = 0
with LivePipeline(sys.argv[1], resolve_model(None), displayed=False) as pipeline:
    while not pipeline.wait(0.01):  # until a file ends; a camera runs until Ctrl-C
        result = pipeline.newest()
        if result and result.segmentation and result.sequence > seen:
            seen = result.sequence
            largest = result.segmentation.classes[0]
            print(f"{result.frame.timestamp_s:8.2f} s  {largest.name} {largest.share:.0%}")
