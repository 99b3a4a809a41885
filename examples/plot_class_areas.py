"""Plot which share of a video's frames some classes cover, over time.

pip install matplotlib
python examples/plot_class_areas.py street.mp4 shares.png person car road
"""

import sys

from matplotlib import pyplot

from seaformer_edge import Segmenter, open_source
from seaformer_edge.hub.zoo import resolve_model

video, plot, *names = sys.argv[1:]
segmenter = Segmenter.from_path(resolve_model("seaformer-t-everyday"))
times_s, shares = [], {name: [] for name in names}

with open_source(video) as source:
    for frame in source:
        found = {entry.name: entry.share for entry in segmenter(frame.image).classes}
        times_s.append(frame.timestamp_s)
        for name in names:
            shares[name].append(100 * found.get(name, 0))

figure, axes = pyplot.subplots()
for name in names:
    axes.plot(times_s, shares[name], label=name)
axes.set(xlabel="time in s", ylabel="share of the picture in %", ylim=(0, 100))
axes.legend()
figure.savefig(plot)
