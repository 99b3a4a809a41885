"""Segment a picture, print its largest classes, and save it with the classes drawn over it.

python examples/segment_picture.py street.jpg street-classes.png
"""

import sys

import cv2
import numpy as np

from seaformer_edge import Segmenter, draw
from seaformer_edge.hub.zoo import resolve_model

picture, result = sys.argv[1:]
segmenter = Segmenter.from_path(resolve_model("seaformer-t-everyday"))
image = cv2.cvtColor(cv2.imread(picture), cv2.COLOR_BGR2RGB)

segmentation = segmenter(image)
for found in segmentation.top_k(5):
    print(f"{found.name:12} {found.share:6.1%} of the picture, confidence {found.confidence:.2f}")

palette = np.array(segmenter.card.palette, np.uint8)
drawn = draw(image, segmentation.label_map, palette, opacity=0.6)
cv2.imwrite(result, cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
