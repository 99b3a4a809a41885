"""Which model, on how many threads, for a wanted rate."""

from __future__ import annotations

from collections.abc import Sequence

from seaformer_edge.profiling.record import Run

VARIANTS = "TSBL"


def advice(runs: Sequence[Run], target_fps: float) -> str:
    """One line: what to take for so many frames a second, or what comes nearest.

    A run holds the rate when nine frames of ten, the whole way, are done in a frame's time. Of
    those that do, the most accurate model is best: by the cards' figures where all are of the
    same set, else by the size of the network; then the fewest threads.
    """
    wanted = f"for {target_fps:g} frames a second"
    budget_ms = 1e3 / target_fps
    holding = [run for run in runs if run.whole.p90_ms <= budget_ms]
    if not holding:
        nearest = min(runs, key=lambda run: run.whole.p90_ms)
        return (
            f"{wanted}: too slow, all of them; nearest is {_named(nearest)}"
            f" with {1e3 / nearest.whole.p90_ms:.1f} (p90 {nearest.whole.p90_ms:.1f} ms)"
        )
    comparable = len({run.model.accuracy.get("set") for run in holding}) == 1

    def merit(run: Run) -> tuple[float, int, bool, int, float]:
        figures = run.model.accuracy
        accuracy = figures.get("mIoU", figures.get("top-1", 0.0)) if comparable else 0.0
        size = VARIANTS.find(run.model.variant)
        return accuracy, size, run.model.precision == "fp32", -run.threads, -run.whole.p90_ms

    best = max(holding, key=merit)
    return (
        f"{wanted}: {_named(best)}, p90 {best.whole.p90_ms:.1f} ms"
        f" of the {budget_ms:.1f} ms that a frame has"
    )


def _named(run: Run) -> str:
    return f"{run.model.name} on {run.threads} {'thread' if run.threads == 1 else 'threads'}"
