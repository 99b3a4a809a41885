"""Recipe files: which are packaged, how stages override, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.class_list import read_class_list
from seaformer_edge.hub.paths import shipped_models_dir
from seaformer_edge.training.recipe import (
    RECIPES_DIR,
    Stage,
    find_recipe,
    read_recipe,
    recipe_names,
)

SHIPPED = [
    "camvid",
    "camvid-s",
    "everyday",
    "everyday-objects",
    "everyday-s",
    "finetune",
    "tiny-imagenet",
]
FINETUNE = (RECIPES_DIR / "finetune.toml").read_text()


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    return path


def changed(line: str) -> str:
    """The finetune recipe with one entry replaced."""
    name = line.split()[0]
    kept = [old for old in FINETUNE.splitlines() if not old.startswith(f"{name} ")]
    return "\n".join([*kept, line])


def test_recipes_are_found_by_name_and_by_path(tmp_path):
    names = recipe_names()
    assert [name for name in names if "/" not in name] == SHIPPED
    assert "published/ade20k-t" in names
    assert find_recipe("everyday") == RECIPES_DIR / "everyday.toml"
    own = write(tmp_path, FINETUNE)
    assert find_recipe(str(own)) == own
    with pytest.raises(ModelError, match=r"everyday_t: no such recipe .* did you mean everyday or"):
        find_recipe("everyday_t")


def test_recipes_lie_inside_the_package():
    import seaformer_edge

    assert RECIPES_DIR.is_relative_to(Path(seaformer_edge.__file__).parent)


@pytest.mark.parametrize("name", recipe_names())
def test_packaged_recipes_fit_their_data_set_and_class_list(name):
    pytest.importorskip("torch", reason="the train extra (torch) is not installed")
    from seaformer_edge.training.datasets import CLASSIFICATION, SEGMENTATION

    for stage in read_recipe(find_recipe(name)):
        table = SEGMENTATION if stage.task == "segmentation" else CLASSIFICATION
        assert table[stage.dataset].classes in (None, stage.classes)
        if stage.classes != "mine":
            assert read_class_list(shipped_models_dir() / "classes" / f"{stage.classes}.json").names


def test_a_stage_overrides_what_is_written_at_the_top(tmp_path):
    stages = "\n[[stage]]\nsteps = 5\ncrop = '352x256'\n\n[[stage]]\nseed = 3\n"
    first, second = read_recipe(write(tmp_path, FINETUNE + stages))
    assert (first.steps, first.crop, first.seed) == (5, (256, 352), 0)
    assert (second.steps, second.crop, second.seed) == (300, (384, 512), 3)
    assert first.name == second.name == "my-model"


def test_sizes_as_lists_are_deprecated(tmp_path):
    text = FINETUNE.replace('crop = "512x384"', "crop = [384, 512]")
    with pytest.warns(DeprecationWarning, match=r'crop = \[384, 512\] .* crop = "512x384"'):
        (stage,) = read_recipe(write(tmp_path, text))
    assert stage.crop == (384, 512)


def test_the_shipped_everyday_model_is_trained_in_eight_stages():
    stages = read_recipe(find_recipe("everyday"))
    assert len(stages) == 8
    assert (stages[0].crop, stages[-1].crop) == ((288, 288), (384, 512))
    assert len({stage.seed for stage in stages}) == 8


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name = ", "not a TOML file"),
        (FINETUNE + "speed = 3", "unknown field `speed`"),
        ("", "missing required field `name`"),
        ("stage = 3", r"stage: expected \[\[stage\]\] tables"),
        ("stage = []", r"stage: expected \[\[stage\]\] tables"),
        (FINETUNE + "[[stage]]\n[[stage]]\nsteps = 0", "stage 2: steps: expected `int` >= 1"),
        (FINETUNE + "[[stage]]\n[[stage]]\nspeed = 0", "stage 2: unknown field `speed`"),
        (FINETUNE + "[[stage]]\nvariant = 'S'", "stage 1: variant: the same for all stages"),
    ],
)
def test_files_that_are_no_recipes_are_refused(tmp_path, text, complaint):
    with pytest.raises(ModelError, match=rf"recipe\.toml: {complaint}"):
        read_recipe(write(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"nowhere\.toml: cannot be read"):
        read_recipe(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('task = "detection"', "task: unknown 'detection'; known are segmentation, class"),
        ('variant = "t"', "variant: unknown 't'; did you mean T?"),
        ('architecture = "mynet"', "unknown architecture 'mynet'"),
        ('crop = "320x300"', "crop: 320x300 is not in multiples of 32"),
        ("crop = [384, 512, 3]", "crop: expected WIDTHxHEIGHT"),
        ('crop = "512 by 384"', r"crop: expected WIDTHxHEIGHT, e\.g\. \"512x384\", got '512 by"),
        ('crop = "0x384"', "crop"),
        ('eval_size = "500x384"', "eval_size: 500x384 is not in multiples of 32"),
        ("eval_every = 0", "eval_every: expected `int` >= 1"),
        ("steps = '9'", "steps: expected `int`, got `str`"),
        ("batch_size = 0", "batch_size: expected `int` >= 1"),
        ("loss_stride = 0", "loss_stride: expected `int` >= 1"),
        ("loss_stride = 500", "loss_stride: larger than the crop"),
        ("scale = [0, 2.0]", r"scale\[0\]: expected `float` > 0"),
        ("scale = [2.0, 0.5]", "scale: the first number is larger"),
        ("scale = [1.0, inf]", "scale: expected a finite number"),
        ("learning_rate = nan", "learning_rate: expected `float` > 0"),
        ("weight_decay = nan", "weight_decay: expected `float` >= 0"),
        ("weight_decay = inf", "weight_decay: expected a finite number"),
        ("learning_rate = -1e-3", "learning_rate: expected `float` > 0"),
        ("weight_decay = -1.0", "weight_decay: expected `float` >= 0"),
        ("ema_decay = 1.5", "ema_decay: expected `float` < 1"),
        ("step_decay = -0.5", "step_decay: expected `float` > 0"),
        ("dropout = 1.5", "dropout: expected `float` < 1"),
        ("seed = -1", "seed: expected `int` >= 0"),
        ("train_splits = []", "train_splits: expected at least one split"),
        ("teacher = 1.5", "teacher: expected `float` <= 1"),
        ("teacher = 0.5", "teacher: only for classification"),
    ],
)
def test_wrong_entries_are_refused_with_their_name(tmp_path, line, complaint):
    with pytest.raises(ModelError, match=rf"recipe\.toml: {complaint}") as refusal:
        read_recipe(write(tmp_path, changed(line)))
    assert "\n" not in str(refusal.value)


def test_a_teacher_is_of_one_split():
    with pytest.raises(ValueError, match="teacher: only with one of train_splits"):
        stage(teacher=0.5, train_splits=("train", "val"))


def test_a_classifier_takes_any_size():
    assert stage(crop=(60, 60), eval_size=(50, 50))


def stage(**settings: object) -> Stage:
    defaults = {
        "name": "tiny", "task": "classification", "variant": "T", "classes": "street",
        "data": "made up", "licence": "none", "steps": 1, "batch_size": 1, "crop": (32, 32),
    }  # fmt: skip
    return Stage(**(defaults | settings))
