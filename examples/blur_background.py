"""Blur everything but persons, for video calls: a virtual camera that other programs can open.

On Linux: sudo apt install v4l2loopback-dkms && sudo modprobe v4l2loopback exclusive_caps=1
pip install pyvirtualcam
python examples/blur_background.py 0
"""

import sys

import cv2
import numpy as np
import pyvirtualcam

from seaformer_edge.hub.zoo import resolve_model
from seaformer_edge.live.pipeline import LivePipeline

KEPT = "person"


def blur_others(image, kept):
    """The picture where `kept`, (H, W) bool, and a blurred one elsewhere, with a soft edge."""
    weight = cv2.GaussianBlur(kept.astype(np.float32), (0, 0), 3)[..., np.newaxis]
    blurred = cv2.GaussianBlur(image, (0, 0), 15)
    return (weight * image + (1 - weight) * blurred).astype(np.uint8)


camera, seen = None, 0
model = resolve_model("seaformer-t-everyday")
with LivePipeline(sys.argv[1], model, smoothing=0.5, displayed=False) as pipeline:
    while not pipeline.wait(0.005):
        result = pipeline.newest()
        if result is None or result.segmentation is None or result.sequence == seen:
            continue
        seen = result.sequence
        image = result.frame.image
        if camera is None:
            camera = pyvirtualcam.Camera(width=image.shape[1], height=image.shape[0], fps=30)
        kept = result.segmentation.label_map == result.card.classes.index(KEPT)
        camera.send(blur_others(image, kept))
