"""Capture to result, live: the newest frame, always, and numbers that tell the truth.

    from seaformer_edge.live import LivePipeline

    with LivePipeline("0", resolve_model(None)) as live:  # a camera
        while ...:                                        # the display's own timer
            result = live.newest()
            if result is not shown:
                ... paint it ...
                live.painted(result)
            snapshot = live.snapshot()

Nothing waits in a queue. Frames that come too fast are overwritten and counted. A process that is
there for this alone, for days, calls `use_one_arena` first and keeps tens of megabytes less.
"""

from seaformer_edge.live.pipeline import LivePipeline
from seaformer_edge.live.result import LiveResult
from seaformer_edge.live.stats import LiveSnapshot
from seaformer_edge.machine.malloc import use_one_arena

__all__ = ["LivePipeline", "LiveResult", "LiveSnapshot", "use_one_arena"]
