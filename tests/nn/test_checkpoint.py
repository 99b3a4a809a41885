from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")

from tiny_networks import checkpoint_card

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.card import card_path, verify, write_card
from seaformer_edge.nn.checkpoint import load_checkpoint, save_checkpoint
from seaformer_edge.nn.seaformer import build


def card(task="segmentation", count=3):
    return checkpoint_card(task, count)


def test_saving_makes_the_folder_and_names_a_path_that_cannot_be_written(tmp_path):
    network = build("segmentation", "T", 3)
    save_checkpoint(network, card(), tmp_path / "new" / "mine.safetensors")
    assert verify(tmp_path / "new" / "mine.safetensors").num_classes == 3
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match=r"file/mine\.safetensors: cannot be written"):
        save_checkpoint(network, card(), tmp_path / "file" / "mine.safetensors")


def test_a_card_of_an_unknown_variant_is_refused(tmp_path):
    path = tmp_path / "mine.safetensors"
    saved = save_checkpoint(build("segmentation", "T", 3), card(), path)
    write_card(replace(saved, variant="X"), path)
    with pytest.raises(ModelError, match="unknown variant 'X'"):
        load_checkpoint(path)


def test_a_saved_checkpoint_loads_unchanged(tmp_path):
    network = build("segmentation", "T", 3)
    path = tmp_path / "mine.safetensors"
    saved = save_checkpoint(network, card(), path)
    assert verify(path) == saved
    assert path.stat().st_mode == card_path(path).stat().st_mode  # others may read it as well
    loaded, read = load_checkpoint(path)
    assert read == saved
    assert not loaded.training
    assert all(
        torch.equal(t, network.state_dict()[name]) for name, t in loaded.state_dict().items()
    )


def test_a_checkpoint_that_does_not_fit_its_card_is_refused(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_checkpoint(build("segmentation", "T", 4), card(count=3), path)
    with pytest.raises(ModelError, match="does not fit its card: misshapen"):
        load_checkpoint(path)


def test_an_altered_checkpoint_is_refused(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_checkpoint(build("segmentation", "T", 3), card(), path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match="sha256"):
        load_checkpoint(path)
    card_path(path).unlink()
    with pytest.raises(ModelError, match="card"):
        load_checkpoint(path)


def test_half_precision_halves_the_file_and_loads_as_float32(tmp_path):
    network = build("segmentation", "T", 3)
    sizes = []
    for dtype in (torch.float32, torch.float16):
        path = tmp_path / f"{dtype}.safetensors"
        sizes.append(save_checkpoint(network, card(), path, dtype).size)
    assert sizes[1] == pytest.approx(sizes[0] / 2, rel=0.02)
    loaded, _ = load_checkpoint(path)
    for name, tensor in network.state_dict().items():
        expected = tensor.half().float() if tensor.is_floating_point() else tensor
        assert torch.equal(loaded.state_dict()[name], expected), name
        assert loaded.state_dict()[name].dtype == tensor.dtype


def test_a_weight_too_large_for_half_precision_is_named(tmp_path):
    network = build("segmentation", "T", 3)
    torch.nn.init.constant_(network.decode_head.conv_seg.bias, 1e5)
    path = tmp_path / "mine.safetensors"
    with pytest.raises(ModelError, match=r"conv_seg\.bias is too large for torch\.float16"):
        save_checkpoint(network, card(), path, torch.float16)
    assert not path.exists()
    save_checkpoint(network, card(), path)
