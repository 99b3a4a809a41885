"""Patches the real picamera2 to run on libcamera's virtual camera.

With this folder on PYTHONPATH, `import picamera2` imports this module, which imports the real
picamera2 in its place. The patches, and why they are needed:
- `pykms`, for the preview on the screen, exists only on Raspberry Pi OS: replaced by a mock.
- A PC has no dma-heap: buffers are allocated with memfd, with the two planes of NV12.
- picamera2 needs a raw mode, and the virtual camera has none: a fixed one is returned.
- The virtual camera completes a request at once, even before picamera2 has recorded the start:
  every frame is delayed.
- The virtual camera does not set the status of a frame, and picamera2 waits for success: always
  success.
- The virtual camera delivers NV12 instead of the requested format: arrays are converted here. So
  the order of colours is not checked.
"""

import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

sys.path[:] = [p for p in sys.path if Path(p).resolve() != Path(__file__).resolve().parent]
del sys.modules["picamera2"]
sys.modules["kms"] = sys.modules["pykms"] = MagicMock()

import cv2  # noqa: E402
import libcamera  # noqa: E402
import picamera2  # noqa: E402
import picamera2.picamera2 as implementation  # noqa: E402
from picamera2.allocators import dmaallocator  # noqa: E402
from picamera2.dma_heap import UniqueFD  # noqa: E402


class MemfdHeap:
    def alloc(self, name, size):
        fd = os.memfd_create(name)
        os.ftruncate(fd, size)
        return UniqueFD(fd)

    def close(self):
        pass


class MemfdSync:
    """Ordinary memory needs no synchronising."""

    def __init__(self, allocator, buffer, write):
        self.memory = allocator.mapped_buffers[buffer]

    def __enter__(self):
        return self.memory

    def __exit__(self, *exception):
        pass


def two_planes(planes):
    """A buffer with a luma and a chroma plane, from the single plane of picamera2."""
    (brightness,) = planes
    colour = libcamera.FrameBuffer.Plane()
    colour.fd, colour.length = brightness.fd, brightness.length // 3
    brightness.length -= colour.length
    colour.offset = brightness.length
    return libcamera.FrameBuffer([brightness, colour])


two_planes.Plane = libcamera.FrameBuffer.Plane
dmaallocator.libcamera = SimpleNamespace(FrameBuffer=two_planes)
dmaallocator.DmaHeap = MemfdHeap
dmaallocator.DmaAllocator.DmaSync = MemfdSync
FRAME_S = 1 / 30
_handle_request = implementation.CameraManager.handle_request
_make_array = picamera2.CompletedRequest.make_array
_camera_configuration = implementation.Picamera2.camera_configuration


def _get_raw_modes(self):
    return [{"format": "SBGGR10", "size": (1280, 720)}]


def handle_request(self, flushid=None):
    time.sleep(FRAME_S)
    _handle_request(self, flushid)


def make_array(self, name):
    assert self.config[name]["format"] == "NV12"
    return cv2.cvtColor(_make_array(self, name), cv2.COLOR_YUV2RGB_NV12)


def camera_configuration(self):
    configuration = _camera_configuration(self)
    assert configuration["main"]["format"] == "NV12"
    return {**configuration, "main": {**configuration["main"], "format": "BGR888"}}


libcamera.FrameMetadata.status = property(lambda self: libcamera.FrameMetadata.Status.Success)
implementation.CameraManager.handle_request = handle_request
implementation.Picamera2._get_raw_modes = _get_raw_modes
implementation.Picamera2.camera_configuration = camera_configuration
picamera2.CompletedRequest.make_array = make_array
