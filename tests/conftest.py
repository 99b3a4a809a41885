"""Fixtures shared by several test folders."""

from __future__ import annotations

import gc
import os
import signal

# Before torch is loaded: on tiny networks its threads only wait for each other, for minutes where
# the machine is crowded.
os.environ["OMP_NUM_THREADS"] = "1"

import cv2
import numpy as np
import pytest

# A shell starts background jobs with Ctrl-C ignored, and children would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it


def _has_qt():
    try:
        from PySide6 import QtWidgets  # noqa: F401
    except ImportError:
        return False
    return True


# Left to itself, pytest-qt ends every run of pytest where Qt cannot be loaded.
pytest_plugins = ["pytestqt.plugin"] if _has_qt() else []


@pytest.fixture(autouse=True, scope="module")
def _small_heap():
    """Keep the garbage collector off what earlier tests left: after torch, a pass takes 0.5 s."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_fp16_arithmetic(monkeypatch):
    """On every processor, a model's plain name means its fp32 program."""
    monkeypatch.setattr("seaformer_edge.hub.zoo.computes_in_fp16", lambda: False)


@pytest.fixture(autouse=True)
def models_home(tmp_path_factory, monkeypatch):
    """The user's models folder: empty, and a test's own."""
    home = tmp_path_factory.mktemp("home") / "models"
    monkeypatch.setenv("SEAFORMER_EDGE_HOME", str(home))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return home


@pytest.fixture
def street(tmp_path):
    """A made-up data set with splits: dark road below, light sky above, id 9 ignored."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 6), ("val", 2)):
        for kind in ("images", "labels"):
            (tmp_path / split / kind).mkdir(parents=True)
        for i in range(count):
            horizon = int(rng.integers(30, 60))
            ids = np.zeros((90, 120), np.uint8)
            ids[horizon:] = 1
            ids[horizon - 2 : horizon] = 9
            image = np.where(ids[..., None] == 1, (60, 60, 70), (190, 200, 230))
            image = np.clip(image + rng.normal(0, 8, image.shape), 0, 255).astype(np.uint8)
            cv2.imwrite(str(tmp_path / split / "images" / f"{i:02}.png"), image[..., ::-1])
            cv2.imwrite(str(tmp_path / split / "labels" / f"{i:02}.png"), ids)
    return tmp_path


@pytest.fixture
def cached_lowering(pytestconfig, tmp_path_factory, monkeypatch):
    """Exported programs are taken from pytest's cache if nothing changed that goes into them."""
    from lowering import CachedLowering

    cache = getattr(pytestconfig, "cache", None)  # absent with `-p no:cacheprovider`
    folder = cache.mkdir("programs") if cache else tmp_path_factory.mktemp("programs")
    lowering = CachedLowering(folder)
    monkeypatch.setattr("seaformer_edge.export.program.lower", lowering)
    return lowering
