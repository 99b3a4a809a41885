from __future__ import annotations

import io
import json

import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")
pytest.importorskip("executorch.exir", reason="the train extra (executorch) is not installed")

from fake_drive import FILE_ID, FakeDrive
from published_weights import published_weights

from seaformer_edge.errors import ModelError
from seaformer_edge.export import fetch as fetch_module
from seaformer_edge.export.fetch import KNOWN_HASHES, LOCK, fetch_checkpoint
from seaformer_edge.hub.card import verify
from seaformer_edge.hub.pretrained import PUBLISHED
from seaformer_edge.nn.checkpoint import load_checkpoint

NAME = "seaformer-t-ade20k"


def checkpoint_bytes(network, **more):
    file = io.BytesIO()
    torch.save({"state_dict": published_weights(network), **more}, file)
    return file.getvalue()


@pytest.fixture(scope="module")
def published():
    """A checkpoint as mmsegmentation writes it, with its own class names."""
    meta = {"CLASSES": [f"thing {i}" for i in range(150)], "epoch": 3}
    return checkpoint_bytes("seg_T", meta=meta, optimizer={"lr": 3e-4})


@pytest.fixture
def drive(published):
    with FakeDrive(published) as drive:
        drive.confirm = True
        yield drive


def fetch(drive):
    return fetch_checkpoint(NAME, lambda *_: None, drive.url)


def test_a_download_is_converted(drive, models_home):
    path = fetch(drive)
    assert path == models_home / f"{NAME}.safetensors"
    network, card = load_checkpoint(path)
    wanted = published_weights("seg_T")
    assert network.state_dict().keys() == wanted.keys()
    assert all(torch.equal(t, wanted[name]) for name, t in network.state_dict().items())
    assert (card.name, card.variant, card.num_classes) == (NAME, "T", 150)
    assert (card.classes[0], card.palette[2]) == ("wall", (6, 230, 230))
    assert card.accuracy == {"mIoU": 0.365, "set": "ADE20K val, as published"}
    assert "Apache-2.0" in card.licence
    assert FILE_ID in card.origin
    assert {file.name for file in models_home.iterdir()} == {
        path.name,
        f"{path.name}.json",
        KNOWN_HASHES,
        LOCK,
    }


def test_a_second_fetch_at_once_is_refused(drive, monkeypatch):
    def held(path):
        raise BlockingIOError

    monkeypatch.setattr(fetch_module, "exclusive", held)
    with pytest.raises(ModelError, match="another fetch is running; wait"):
        fetch(drive)
    assert drive.requests == []


def test_a_fetched_checkpoint_is_not_fetched_again(drive):
    path = fetch(drive)
    changed = path.stat().st_mtime_ns
    assert fetch(drive) == path
    assert path.stat().st_mtime_ns == changed
    assert len(drive.requests) == 1


def test_a_damaged_checkpoint_is_fetched_again(drive):
    path = fetch(drive)
    path.write_bytes(path.read_bytes()[:-1])
    verify(fetch(drive))
    assert len(drive.requests) == 2


def test_a_file_saved_by_hand_is_not_downloaded(drive, published, models_home):
    models_home.mkdir()
    (models_home / f"{NAME}.pth").write_bytes(published)
    verify(fetch(drive))
    assert drive.requests == []


def test_a_file_that_changed_since_the_first_use_is_refused_unopened(
    drive, models_home, monkeypatch
):
    fetch(drive).unlink()
    drive.content = checkpoint_bytes("seg_T", meta={"epoch": 4})
    with monkeypatch.context() as patch:
        patch.setattr(torch, "load", lambda *_, **__: pytest.fail("the file was opened"))
        with pytest.raises(ModelError, match=r"sha256 \w{64}, but \w{64} at its first use"):
            fetch(drive)
    # Both solutions that the message names.
    (models_home / f"{NAME}.pth").unlink()
    (models_home / KNOWN_HASHES).write_text("{}")
    verify(fetch(drive))


def test_a_network_that_does_not_match_the_name_is_refused_and_not_recorded(drive, models_home):
    drive.content = checkpoint_bytes("seg_S")
    with pytest.raises(ModelError, match=r"segmentation S, which is not .*; delete .*\.pth"):
        fetch(drive)
    assert not (models_home / KNOWN_HASHES).exists()
    assert not (models_home / f"{NAME}.safetensors").exists()


def test_a_zip_that_is_not_a_checkpoint_is_refused(drive):
    drive.content = b"PK\x03\x04 something else"
    with pytest.raises(ModelError, match=r"not a checkpoint, or damaged; delete .*\.pth"):
        fetch(drive)


@pytest.mark.parametrize("text", ["", "5", "{", '{"id": 5}'])
def test_an_invalid_list_of_hashes_is_refused(drive, models_home, text):
    models_home.mkdir()
    (models_home / KNOWN_HASHES).write_text(text)
    with pytest.raises(ModelError, match=f"{KNOWN_HASHES}: not a list of sha256"):
        fetch(drive)


def test_hashes_of_other_files_are_kept(drive, models_home):
    models_home.mkdir()
    (models_home / KNOWN_HASHES).write_text('{"other": "00"}')
    fetch(drive)
    hashes = json.loads((models_home / KNOWN_HASHES).read_text())
    assert hashes.keys() == {"other", PUBLISHED[NAME].file_id}
