from __future__ import annotations

import json
import os

import platformdirs
import pytest

from seaformer_edge.errors import ModelError
from seaformer_edge.hub import zoo
from seaformer_edge.hub.card import card_path, verify
from seaformer_edge.hub.paths import user_models_dir, writable_models_dir


def test_the_default_model_is_shipped_and_matches_its_card():
    path = zoo.resolve_model(None)
    assert path.stem == zoo.DEFAULT_MODEL
    assert verify(path).task == "segmentation"


def test_every_shipped_program_has_a_measured_card():
    programs = zoo.shipped_programs()
    assert programs
    for path in programs.values():
        card = verify(path)
        assert card.accuracy["mIoU" if card.task == "segmentation" else "top-1"] > 0
        assert card.licence
        assert card.data


def test_a_path_is_used_as_given(tmp_path):
    path = tmp_path / "mine.pte"
    path.touch()
    assert zoo.resolve_model(str(path)) == path


def test_fetched_programs_do_not_replace_shipped_ones(models_home):
    models_home.mkdir()
    for name in ("fetched", zoo.DEFAULT_MODEL):
        (models_home / f"{name}.pte").touch()
    assert zoo.resolve_model("fetched") == models_home / "fetched.pte"
    assert zoo.resolve_model(None) == zoo.shipped_programs()[zoo.DEFAULT_MODEL]
    assert zoo.installed_cards().keys() == zoo.shipped_programs().keys(), "no card, not listed"


@pytest.fixture
def programs(models_home, monkeypatch):
    """Installs mine.pte, mine-fp16.pte and mine-int8.pte, and returns what sets the situation."""
    models_home.mkdir()
    card = json.loads(card_path(zoo.shipped_programs()[zoo.DEFAULT_MODEL]).read_text())
    for name in ("mine", "mine-fp16", "mine-int8"):
        (models_home / f"{name}.pte").touch()

    def set_up(computes_in_fp16: bool, **accuracy: float) -> None:
        monkeypatch.setattr(zoo, "computes_in_fp16", lambda: computes_in_fp16)
        (models_home / "mine-fp16.json").write_text(json.dumps({**card, "accuracy": accuracy}))

    return set_up


@pytest.mark.parametrize(
    ("computes", "accuracy", "selected", "reason"),
    [
        (True, {"mIoU": 0.6, "fp32 mIoU": 0.6}, "mine-fp16", "keeps 100.00%"),
        (True, {"top-1": 0.597, "fp32 top-1": 0.6}, "mine-fp16", "keeps 99.50%"),
        (True, {"mIoU": 0.59, "fp32 mIoU": 0.6}, "mine", "keeps only 98.3%"),
        (True, {"mIoU": 0.6}, "mine", "not measured"),
        (False, {"mIoU": 0.6, "fp32 mIoU": 0.6}, "mine", "fp16 is not faster"),
    ],
)
def test_a_name_without_precision_is_the_best_for_this_processor(
    programs, computes, accuracy, selected, reason
):
    programs(computes, **accuracy)
    selection = zoo.select_program("mine")
    assert selection.path.stem == selected
    assert reason in selection.reason


def test_a_name_with_precision_is_taken_as_it_is(programs):
    programs(True, **{"mIoU": 0.6, "fp32 mIoU": 0.6})
    names = {name: zoo.resolve_model(name).stem for name in ("mine-fp32", "mine-int8")}
    assert names == {"mine-fp32": "mine", "mine-int8": "mine-int8"}


def test_a_remembered_precision_is_taken(programs, models_home):
    programs(True, **{"mIoU": 0.6, "fp32 mIoU": 0.6})
    for precision, stem in (("int8", "mine-int8"), ("fp32", "mine")):
        zoo.remember_precision("mine", precision)
        selection = zoo.select_program("mine")
        assert (selection.path.stem, selection.reason[:4]) == (stem, precision)
    (models_home / "mine-int8.pte").unlink()
    zoo.remember_precision("mine", "int8")
    assert zoo.resolve_model("mine").stem == "mine-fp16", "the program is gone"
    (models_home / zoo.PRECISIONS_FILE).write_text("[")
    assert zoo.resolve_model("mine").stem == "mine-fp16", "a damaged file counts as none"


def test_the_users_folder_follows_the_xdg_specification(monkeypatch, tmp_path):
    monkeypatch.delenv("SEAFORMER_EDGE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert user_models_dir() == tmp_path / ".local/share/seaformer-edge/models"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert user_models_dir() == tmp_path / "data/seaformer-edge/models"


def test_the_message_for_a_published_model_says_how_to_fetch_it():
    with pytest.raises(ModelError, match="not fetched yet; run 'seaformer-edge models fetch seaf"):
        zoo.resolve_model("seaformer-t-ade20k")


def test_the_message_for_an_unknown_model_lists_the_known_ones():
    with pytest.raises(ModelError, match=rf"yolo: unknown model; known are .*{zoo.DEFAULT_MODEL}"):
        zoo.resolve_model("yolo")
    with pytest.raises(ModelError, match=r"nowhere\.pte: no such model file"):
        zoo.resolve_model("nowhere.pte")


@pytest.mark.parametrize("text", ["{", '{"format": 1, "accuracy": {"set": 5}}'])
def test_an_invalid_card_hides_only_its_model(models_home, caplog, text):
    models_home.mkdir(parents=True)
    (models_home / "mine.pte").write_bytes(b"program")
    (models_home / "mine.json").write_text(text)
    cards = zoo.installed_cards()
    assert "mine" not in cards
    assert zoo.DEFAULT_MODEL in cards
    assert "mine.json: not a model card" in caplog.text


def test_the_message_for_a_model_shipped_as_int8_alone_says_how_to_export_it():
    message = "use seaformer-s-camvid-int8, or export .*seaformer-s-camvid.pte --size 640x480"
    with pytest.raises(ModelError, match=message):
        zoo.resolve_model("seaformer-s-camvid")


@pytest.fixture(params=["no home", "closed", "unreadable"])
def useless_home(request, monkeypatch, tmp_path):
    """A user without a home, or one whose models folder may not be entered or listed."""
    if request.param == "no home":
        for name in ("SEAFORMER_EDGE_HOME", "HOME", "XDG_DATA_HOME"):
            monkeypatch.delenv(name, raising=False)

        def nobody(uid):
            raise KeyError(f"getpwuid(): uid not found: {uid}")

        monkeypatch.setattr("pwd.getpwuid", nobody)
        yield "set HOME or SEAFORMER_EDGE_HOME"
        return
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o000 if request.param == "closed" else 0o711)
    folder = folder / "models" if request.param == "closed" else folder
    monkeypatch.setenv("SEAFORMER_EDGE_HOME", str(folder))
    platformdirs.user_data_path()  # loads its modules
    root = os.geteuid() == 0
    if root:  # who may read everything
        os.seteuid(12345)
    yield f"{folder}: models cannot be read there"
    if root:
        os.seteuid(0)


def test_shipped_models_need_no_home(useless_home):
    assert zoo.resolve_model(None) == zoo.shipped_programs()[zoo.DEFAULT_MODEL]
    assert zoo.installed_programs() == zoo.shipped_programs()
    with pytest.raises(ModelError, match=rf"seaformer-t-ade20k: not among .*{useless_home}"):
        zoo.resolve_model("seaformer-t-ade20k")


def test_a_useless_home_stores_no_models(useless_home):
    with pytest.raises(ModelError, match="SEAFORMER_EDGE_HOME"):
        writable_models_dir()
