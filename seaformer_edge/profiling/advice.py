"""Which model to use, on how many threads, for a required frame rate."""

from __future__ import annotations

from collections.abc import Sequence

from seaformer_edge.nn.variants import VARIANTS
from seaformer_edge.profiling.record import Run


def advice(runs: Sequence[Run], target_fps: float) -> str:
    """One line that names the run of `recommended`, or the fastest one if all are too slow."""
    target = f"for {target_fps:g} frames per second"
    best = recommended(runs, target_fps)
    if best is None:
        fastest = min(runs, key=lambda run: run.end_to_end.p90_ms)
        p90_ms = fastest.end_to_end.p90_ms
        return (
            f"{target}: all models are too slow; the fastest is {_describe(fastest)}"
            f" with {1e3 / p90_ms:.1f} frames per second (p90 {p90_ms:.1f} ms)"
        )
    return (
        f"{target}: {_describe(best)}, p90 {best.end_to_end.p90_ms:.1f} ms"
        f" of {1e3 / target_fps:.1f} ms per frame"
    )


def recommended(runs: Sequence[Run], target_fps: float) -> Run | None:
    """The run to use for a frame rate; None if all are too slow.

    A run is fast enough if the 90th percentile of its end-to-end latency is at most the time
    between two frames. Of these the most accurate one is recommended: by the figures on the cards
    if they were measured on the same data set, else by the size of the network; then the one with
    the fewest threads.
    """
    budget_ms = 1e3 / target_fps
    fast_enough = [run for run in runs if run.end_to_end.p90_ms <= budget_ms]
    if not fast_enough:
        return None
    comparable = len({run.model.accuracy.get("set") for run in fast_enough}) == 1

    def merit(run: Run) -> tuple[float, int, bool, int, float]:
        figures = run.model.accuracy
        accuracy = figures.get("mIoU", figures.get("top-1", 0.0)) if comparable else 0.0
        variant, variants = run.model.variant, list(VARIANTS)
        size = variants.index(variant) if variant in variants else -1
        return accuracy, size, run.model.precision == "fp32", -run.threads, -run.end_to_end.p90_ms

    return max(fast_enough, key=merit)


def _describe(run: Run) -> str:
    return f"{run.model.name} on {run.threads} {'thread' if run.threads == 1 else 'threads'}"
