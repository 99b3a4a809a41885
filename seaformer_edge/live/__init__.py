"""Capture to result, live: the newest frame, always, and numbers that tell the truth.

    from seaformer_edge.live import LivePipeline

    with LivePipeline("0", resolve_model(None)) as live:  # a camera
        while ...:                                        # the display's own timer
            result = live.newest()
            if result is not shown:
                ... paint it ...
                live.painted(result)
            status = live.status()

Nothing waits in a queue. Frames that come too fast are overwritten and counted. A process that is
there for this alone, for days, calls `limit_malloc_arenas` first and keeps tens of megabytes less.
"""

from seaformer_edge.live.pipeline import LivePipeline
from seaformer_edge.live.result import LiveResult
from seaformer_edge.live.stats import LiveStatus
from seaformer_edge.machine.malloc import limit_malloc_arenas

__all__ = ["LivePipeline", "LiveResult", "LiveStatus", "limit_malloc_arenas"]
