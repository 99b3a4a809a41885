"""The examples do what they say; hardware and ROS have stand-ins."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest
from clips import write_video

from seaformer_edge.hub.paths import sample_dir

EXAMPLES = Path(__file__).parents[2] / "examples"
PHOTOGRAPH = sample_dir() / "venice_promenade.jpg"


@pytest.fixture
def run(monkeypatch):
    """Runs an example with arguments; returns its names."""

    def run(name, *arguments, main=True):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        return runpy.run_path(str(EXAMPLES / name), run_name="__main__" if main else "example")

    return run


@pytest.fixture
def video(tmp_path):
    """The photograph for a third of a second."""
    picture = cv2.resize(cv2.imread(str(PHOTOGRAPH)), (320, 240))[..., ::-1]
    return write_video(tmp_path / "clip.mp4", [np.ascontiguousarray(picture)] * 8)


def stand_in(monkeypatch, name, **contents):
    module = ModuleType(name)
    vars(module).update(contents)
    monkeypatch.setitem(sys.modules, name, module)


def test_every_example_is_tested_and_short():
    text = Path(__file__).read_text()
    for example in EXAMPLES.glob("*.py"):
        assert f'run("{example.name}"' in text
        lines = example.read_text().splitlines()
        assert len(lines) <= 48, example


def test_segment_picture(run, tmp_path, capsys):
    run("segment_picture.py", PHOTOGRAPH, tmp_path / "drawn.png")
    assert "of the picture" in capsys.readouterr().out
    drawn, before = cv2.imread(str(tmp_path / "drawn.png")), cv2.imread(str(PHOTOGRAPH))
    assert drawn.shape == before.shape
    assert (drawn != before).any()


def test_live_loop(run, video, capsys):
    run("live_loop.py", video)
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert lines[-1].endswith("%")


def test_plot_class_areas(run, video, tmp_path):
    pytest.importorskip("matplotlib", reason="plotting needs matplotlib (extra: dev)").use("agg")
    names = run("plot_class_areas.py", video, tmp_path / "shares.png", "sky", "person")
    assert len(names["times_s"]) == 8
    assert names["shares"]["sky"][0] > 5
    assert cv2.imread(str(tmp_path / "shares.png")) is not None


def test_blur_background(run, video, monkeypatch):
    sent = []
    camera = SimpleNamespace(send=sent.append)
    stand_in(monkeypatch, "pyvirtualcam", Camera=lambda *, width, height, fps: camera)
    blur_others = run("blur_background.py", video)["blur_others"]
    assert sent
    assert sent[0].shape == (240, 320, 3)
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    kept = np.zeros((60, 80), bool)
    kept[:, :40] = True
    blurred = blur_others(image, kept)
    assert np.array_equal(blurred[:, :20], image[:, :20])
    assert blurred[:, 60:].std() < image[:, 60:].std() / 2


def test_ros2_node(run, monkeypatch):
    published = {}

    class Node:
        def __init__(self, name):
            self.name = name

        def declare_parameter(self, name, default):
            return SimpleNamespace(value=default)

        def create_publisher(self, kind, topic, quality):
            return SimpleNamespace(publish=lambda message: published.update({topic: message}))

        def create_subscription(self, kind, topic, callback, quality):
            assert topic == "image"

    for name, contents in {
        "rclpy": {},
        "rclpy.node": {"Node": Node},
        "rclpy.qos": {
            "DurabilityPolicy": SimpleNamespace(TRANSIENT_LOCAL=1),
            "QoSProfile": SimpleNamespace,
            "qos_profile_sensor_data": None,
        },
        "sensor_msgs": {},
        "sensor_msgs.msg": {"Image": SimpleNamespace},
        "vision_msgs": {},
        "vision_msgs.msg": {"LabelInfo": SimpleNamespace, "VisionClass": SimpleNamespace},
    }.items():
        stand_in(monkeypatch, name, **contents)
    node = run("ros2_node.py", main=False)["SegmentationNode"]()
    assert published["label_info"].class_map[0].class_name == node.segmenter.card.classes[0]

    bgr = cv2.resize(cv2.imread(str(PHOTOGRAPH)), (64, 48))
    padded = np.pad(bgr, ((0, 0), (0, 4), (0, 0)))  # rows may be longer than the picture
    message = SimpleNamespace(height=48, width=64, step=204, encoding="bgr8", header="stamp")
    message.data = padded.tobytes()
    node.on_image(message)
    mask = published["mask"]
    assert (mask.encoding, mask.header, mask.step) == ("mono8", "stamp", 64)
    expected = node.segmenter(np.ascontiguousarray(bgr[..., ::-1])).label_map
    assert np.array_equal(np.frombuffer(mask.data, np.uint8).reshape(48, 64), expected)
