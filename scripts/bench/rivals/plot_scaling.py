"""Draw the results of `scripts/bench/scaling`, read from stdin: plot_scaling.py FILE.png"""

from __future__ import annotations

import json
import sys

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

TITLES = {"megapixels": "150 classes", "classes": "512x512"}

result = json.load(sys.stdin)
figure, panels = pyplot.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
for panel, (name, title) in zip(panels, TITLES.items(), strict=True):
    measured = result[name]
    x, times_ms = zip(*measured["points"], strict=True)
    line = [measured["intercept_ms"] + measured["slope_ms"] * at for at in (0, max(x))]
    panel.plot((0, max(x)), line, color="0.6", linewidth=1)
    panel.plot(x, times_ms, "o", color="#1f5fa8")
    panel.set(xlabel=name, ylabel="ms a picture", xlim=(0, None), ylim=(0, None))
    panel.set_title(f"SeaFormer-T, {title}: R\u00b2 {measured['r2']:.4f}", fontsize=10)
    panel.grid(color="0.9")
figure.savefig(sys.argv[1], dpi=110)
