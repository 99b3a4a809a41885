from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the train extra (torch) is not installed")
pytest.importorskip("executorch.exir", reason="the train extra (executorch) is not installed")

import numpy as np
import torch
from tiny_networks import TINY, checkpoint_card, eager_logits, picture, trained_network
from torch import nn

import seaformer_edge.export
from seaformer_edge.errors import ModelError
from seaformer_edge.export.program import export, lower
from seaformer_edge.export.rewrite import TILE_VALUES
from seaformer_edge.hub.card import verify
from seaformer_edge.nn import seaformer
from seaformer_edge.nn.network_input import round_size
from seaformer_edge.nn.seaformer import build
from seaformer_edge.runtime import open_program
from seaformer_edge.runtime.native import NativeProgram

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # the exporter's libraries warn at length
    pytest.mark.usefixtures("cached_lowering"),
]


@pytest.fixture(autouse=True)
def tiny_variant(monkeypatch):
    """The smallest possible SeaFormer: lowering T takes half a minute, this seconds."""
    monkeypatch.setitem(seaformer.VARIANTS, "T", TINY)


def test_the_program_computes_the_network(tmp_path):
    size = (96, 128)
    network = trained_network("segmentation", 2)  # as in tests/cli/test_models.py: lowered once
    output = tmp_path / "tiny.pte"
    card = export(network, checkpoint_card("segmentation", 2), *size, output)
    assert card == verify(output)
    assert (card.height, card.width, card.logit_channels) == (*size, 16)
    assert card.accuracy == {}, "the checkpoint's figures are not the program's"

    image = picture(*size)
    expected = eager_logits(network, image).permute(1, 2, 0).numpy()
    logits = open_program(output, num_threads=1).run(image.astype(np.float32))
    assert logits.shape == (size[0] // 8, size[1] // 8, 16)
    np.testing.assert_allclose(logits[..., :2], expected, atol=1e-4 * np.abs(expected).max())
    assert len(np.unique(expected.argmax(-1))) > 1, "a picture of one class proves little"


def test_tiles_of_rows_are_one_program_of_the_same_function(tmp_path, monkeypatch):
    monkeypatch.setitem(TILE_VALUES, "fp32", int(16 * 48 * 32 / 2.5))
    network = trained_network("segmentation", 5)
    output = tmp_path / "tiny.pte"
    export(network, checkpoint_card("segmentation", 5), 96, 64, output)
    image = picture(96, 64)
    expected = eager_logits(network, image).permute(1, 2, 0).numpy()
    program = NativeProgram(output, 1, time_operators=True)
    logits = program.run(image.astype(np.float32))
    np.testing.assert_allclose(logits[..., :5], expected, atol=1e-4 * np.abs(expected).max())
    names = [name.partition(" #")[0] for name, _ in program.operator_times_ms()]
    assert names.count("Subtract (ND)") == 3, "one for each tile"
    assert names[-1] != "Transpose (ND, X32)", "the logits would be converted from NCHW"


def test_the_program_of_a_classifier_computes_the_network(tmp_path):
    network = trained_network("classification", 7)
    output = tmp_path / "tiny.pte"
    export(network, checkpoint_card("classification", 7), 64, 96, output)
    image = picture(64, 96)
    expected = eager_logits(network, image).numpy()
    scores = open_program(output, num_threads=1).run(image.astype(np.float32))
    np.testing.assert_allclose(scores, expected, atol=1e-4 * np.abs(expected).max())


def test_an_fp16_program_computes_the_network(tmp_path, monkeypatch):
    monkeypatch.setitem(TILE_VALUES, "fp16", int(16 * 32 * 32 / 2.5))
    network = trained_network("segmentation", 5)
    output = tmp_path / "tiny-fp16.pte"
    checkpoint = checkpoint_card("segmentation", 5)
    card = export(network, checkpoint, 64, 64, output, precision="fp16")
    assert (card.precision, card.name) == ("fp16", f"{checkpoint.name}-fp16")
    assert next(network.parameters()).dtype == torch.float32, "the caller's network is unchanged"
    image = picture(64, 64)
    expected = eager_logits(network, image).permute(1, 2, 0).numpy()
    program = NativeProgram(output, 1, time_operators=True)
    assert program.is_fp16
    logits = program.run(image.astype(np.float32))
    np.testing.assert_allclose(logits[..., :5], expected, atol=0.01 * np.abs(expected).max())
    names = [name.partition(" #")[0] for name, _ in program.operator_times_ms()]
    assert names.count("Subtract (ND)") == 3, "one for each tile"
    assert names.count("Constant Pad (ND, X16)") == 4, "of two layers, in the first and last tile"


def test_a_precision_without_its_pictures_is_refused(tmp_path):
    network = build("segmentation", "T", 5)
    card, output = checkpoint_card("segmentation", 5), tmp_path / "tiny.pte"
    for wrong in ({"precision": "int8"}, {"calibrate": tmp_path}, {"precision": "fp8"}):
        with pytest.raises(ValueError, match="int8"):
            export(network, card, 64, 64, output, **wrong)


class Leftover(nn.Module):
    """A convolution, then an operator that XNNPACK does not have."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x):
        return self.conv(x).cumsum(1)


def test_an_operator_outside_the_delegate_is_refused_by_name():
    with pytest.raises(ModelError, match="cumsum"):
        lower(Leftover(), 32, 32)


def test_importing_torchao_is_quiet(tmp_path, monkeypatch, caplog):
    code = "import logging, warnings; logging.warning('noise'); warnings.warn('noise')"
    (tmp_path / "torchao.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "torchao", None)  # restored after the test
    del sys.modules["torchao"]
    importlib.reload(seaformer_edge.export)
    assert Path(sys.modules["torchao"].__file__).parent == tmp_path
    assert caplog.records == []


def test_other_endings_are_refused(tmp_path):
    network = build("segmentation", "T", 5)
    with pytest.raises(ModelError, match=r"ends in \.pte"):
        export(network, checkpoint_card("segmentation", 5), 64, 64, tmp_path / "tiny.bin")


def test_a_path_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("seaformer_edge.export.program.lower", lambda *_: (b"program", 16))
    (tmp_path / "file").touch()
    network = build("segmentation", "T", 5)
    with pytest.raises(ModelError, match="cannot be written"):
        export(network, checkpoint_card("segmentation", 5), 64, 64, tmp_path / "file" / "tiny.pte")


@pytest.mark.parametrize(
    ("size", "rounded"),
    [((512, 512), (512, 512)), ((360, 480), (352, 480)), ((1, 50), (32, 64))],
)
def test_sizes_are_rounded_to_what_the_network_takes(size, rounded):
    assert round_size(*size) == rounded
