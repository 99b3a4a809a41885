"""Live inference: always the newest frame of a source, with rates, latencies and dropped frames.

    from seaformer_edge.live import LivePipeline

    with LivePipeline("0", resolve_model(None)) as live:  # camera 0
        while ...:                                        # the timer of the display
            result = live.newest()
            if result is not shown:
                ... paint it ...
                live.painted(result)
            status = live.status()

Frames never queue: a newer frame replaces one that is still waiting, and the drop is counted. A
process that only does this, for days, should first call `limit_malloc_arenas`, which saves tens of
megabytes.
"""

from typing import TYPE_CHECKING

from seaformer_edge.deprecation import renamed_names
from seaformer_edge.live.pipeline import LivePipeline
from seaformer_edge.live.result import LiveResult
from seaformer_edge.live.stats import LiveStatus
from seaformer_edge.machine.malloc import limit_malloc_arenas

__all__ = ["LivePipeline", "LiveResult", "LiveStatus", "limit_malloc_arenas"]

if not TYPE_CHECKING:  # a type checker would accept any name
    __getattr__ = renamed_names(
        __name__,
        LiveSnapshot=("LiveStatus", LiveStatus),
        use_one_arena=("limit_malloc_arenas", limit_malloc_arenas),
    )
