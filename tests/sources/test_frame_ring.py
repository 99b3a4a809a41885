"""Frames that a child process writes into shared memory."""

from __future__ import annotations

import gc
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from fakes import nothing_left, wait_until

from seaformer_edge.sources.frame_ring import SLOTS, FrameRing, FrameRingWriter
from seaformer_edge.sources.process import SourceProcess
from seaformer_edge.sources.synthetic import SyntheticSource, read_counter

SHAPE = (4, 6, 3)


@pytest.fixture
def ring() -> Iterator[FrameRing]:
    ring = FrameRing()
    yield ring
    ring.close()


@pytest.fixture
def writer(ring: FrameRing) -> FrameRingWriter:
    return FrameRingWriter(ring.fd)


def write(writer: FrameRingWriter, value: int) -> int | None:
    image = writer.new_image(SHAPE)
    image[:] = value
    return writer.slot_of(image)


def test_a_slot_is_free_once_no_view_of_it_is_left(
    ring: FrameRing, writer: FrameRingWriter
) -> None:
    slots = [write(writer, value) for value in range(SLOTS)]
    assert slots == list(range(SLOTS))
    assert write(writer, 99) is None
    images = [ring.image(slot, writer.slot_bytes, SHAPE) for slot in range(SLOTS)]
    row = images[2][1]
    del images[5], images[2]
    assert write(writer, 55) == 5
    assert write(writer, 99) is None, "a view is left"
    assert (row == 2).all()
    del row
    assert write(writer, 22) == 2
    assert [int(image[0, 0, 0]) for image in images] == [0, 1, 3, 4, 6, 7]


def test_a_picture_that_is_not_sent_uses_no_slot(writer: FrameRingWriter) -> None:
    for _ in range(3 * SLOTS):
        writer.new_image(SHAPE)
    assert write(writer, 1) == 0


def test_pictures_from_elsewhere_and_of_other_sizes(
    ring: FrameRing, writer: FrameRingWriter
) -> None:
    assert write(writer, 0) == 0
    elsewhere = np.arange(72, dtype=np.uint8).reshape(SHAPE)
    assert writer.slot_of(elsewhere) == 1
    assert (ring.image(1, writer.slot_bytes, SHAPE) == elsewhere).all()
    assert writer.slot_of(elsewhere[:2]) == 1
    assert (ring.image(1, writer.slot_bytes, (2, 6, 3)) == elsewhere[:2]).all()
    too_large = np.zeros((300, 300, 3), np.uint8)
    assert writer.slot_of(too_large) is None


def test_without_memory_there_is_no_slot(ring: FrameRing) -> None:
    assert write(FrameRingWriter(-1), 0) is None
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        assert write(FrameRingWriter(ring.fd), 0) is None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_the_memory_of_systems_without_memfd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    ring = FrameRing()
    assert write(FrameRingWriter(ring.fd), 7) == 0
    assert list(Path("/dev/shm").glob("frames-*")) == []
    ring.close()


@pytest.mark.parametrize("shared", [True, False])
def test_a_consumer_that_keeps_frames_gets_every_frame_whole(
    shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not shared:
        monkeypatch.setattr("seaformer_edge.sources.process.IS_SUPPORTED", False)
    with nothing_left():
        _keep_frames(shared)


def _keep_frames(shared: bool) -> None:
    child = SourceProcess("synthetic:320x240")
    kept = list(islice(iter(child), 3 * SLOTS))
    child.close()
    owners = [frame.image.base is not None for frame in kept]
    assert owners == [shared and index < SLOTS for index in range(3 * SLOTS)]
    for frame, right in zip(kept, SyntheticSource((320, 240)), strict=False):
        assert read_counter(frame.image) == frame.index
        assert (frame.image == right.image).all()


def test_frames_outlive_their_source() -> None:
    child = SourceProcess("synthetic:96x64")
    first = next(iter(child)).image
    child.close()
    del child
    gc.collect()
    assert read_counter(first) == 0
    first[:] = 1


def test_slots_are_used_again() -> None:
    child = SourceProcess("synthetic:96x64")
    in_slots = 0
    for frame in islice(iter(child), 200):
        in_slots += frame.image.base is not None
        del frame
    child.close()
    assert in_slots > SLOTS


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_killed_processes_leave_no_memory() -> None:
    code = """
from seaformer_edge.sources.process import SourceProcess
child = SourceProcess("synthetic:96x64")
for frame in child:
    print(child.pid, flush=True)
"""
    before = set(Path("/dev/shm").iterdir())
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = Path(f"/proc/{int(parent.stdout.readline())}")
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not child.exists() or "Z" in (child / "stat").read_text())
    assert not [path for path in set(Path("/dev/shm").iterdir()) - before if "frames" in path.name]
