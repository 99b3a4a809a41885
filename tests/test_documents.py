"""The documents: generated figures, links, and commands that exist."""

from __future__ import annotations

import copy
import itertools
import json
import re
import runpy
import shlex
from pathlib import Path

import click
import pytest

from seaformer_edge.cli import cli

ROOT = Path(__file__).parents[1]
TABLES = runpy.run_path(str(ROOT / "scripts" / "release" / "tables"))
RECORD = json.loads((ROOT / "docs" / "performance.json").read_text())
MODELS = ROOT / "models"
documents = pytest.mark.parametrize(
    "document", TABLES["DOCUMENTS"], ids=lambda path: path.relative_to(ROOT).as_posix()
)


@documents
def test_figures_equal_the_cards_and_the_record(document):
    text = document.read_text()
    assert TABLES["fill"](text, RECORD, MODELS) == text, "run scripts/release/tables"
    assert text.count("<!-- begin: ") == text.count("<!-- end -->")


def test_a_changed_figure_is_noticed():
    record = copy.deepcopy(RECORD)
    record["figures"][0]["value"] = "9.99"
    text = (ROOT / "docs" / "performance.md").read_text()
    assert TABLES["fill"](text, record, MODELS) != text


def test_a_changed_accuracy_on_a_card_is_noticed(tmp_path):
    for path in MODELS.iterdir():
        if path.is_file():
            (tmp_path / path.name).symlink_to(path)
    card = tmp_path / "seaformer-t-everyday-int8.json"
    entries = json.loads(card.read_text())
    entries["accuracy"]["mIoU"] = 0.999
    card.unlink()
    card.write_text(json.dumps(entries))
    before = TABLES["models_table"](MODELS)
    assert TABLES["models_table"](tmp_path) == before.replace("int8 99.85 %", "int8 215.63 %")


def test_a_model_without_its_fp32_program_keeps_its_row(tmp_path):
    removed = {"seaformer-t-camvid.json", "seaformer-t-camvid.pte"}
    for path in MODELS.iterdir():
        if path.is_file() and path.name not in removed:
            (tmp_path / path.name).symlink_to(path)
    before, row = (
        re.search(r".*`seaformer-t-camvid`.*", TABLES["models_table"](models))[0]
        for models in (MODELS, tmp_path)
    )
    assert row == before.replace("| fp32 6.7 MB, fp16", "| fp16") != before


def test_a_model_that_knows_other_objects_says_so(tmp_path):
    for path in MODELS.glob("seaformer-t-everyday*"):
        (tmp_path / path.name).symlink_to(path)
    card = tmp_path / "seaformer-t-everyday.json"
    text = card.read_text().replace('"rug"', '"other"')
    card.unlink()
    card.write_text(text)
    summary = TABLES["summary"]("seaformer-t-everyday", tmp_path)
    assert "Does not know: other objects (the class `other`) and surroundings; often" in summary


def test_recorded_medians_lie_between_their_quartiles():
    for part, ratios in RECORD["quartiles"].items():
        for name, (low, high) in ratios.items():
            assert low <= round(RECORD[part][name], 2) <= high, f"{part}: {name}"


def test_every_figure_names_a_known_machine():
    entries = [*RECORD["figures"], *RECORD["tables"].values()]
    assert {entry["machine"] for entry in entries} <= set(RECORD["machines"])


def test_an_unknown_marker_is_refused():
    with pytest.raises(ValueError, match="unknown marker 'chart x'"):
        TABLES["fill"]("<!-- begin: chart x --><!-- end -->", RECORD, MODELS)


@documents
def test_links_lead_to_files(document):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


@documents
def test_scripts_and_source_files_that_are_named_exist(document):
    text = document.read_text()
    if document.name == "CHANGELOG.md":  # its first tables name old paths
        text = text.partition("### Added")[2]
    named = re.findall(r"\b(?:scripts|seaformer_edge|tests|models)/[\w./-]*\w", text)
    missing = {path for path in named if not (ROOT / path).exists()}
    assert not missing


def commands(text: str) -> list[list[str]]:
    """The words after `seaformer-edge` in the commands of a document; lines are joined at a \\."""
    text = text.replace("\\\n", " ")
    found = re.findall(r"^\s*seaformer-edge (.*)$", "\n".join(fenced(text)), re.MULTILINE)
    found += re.findall(r"`(?:\.venv/bin/)?seaformer-edge ([^`]*)`", text)
    return [shlex.split(line, comments=True) for line in found]


def fenced(text: str, language: str = "sh") -> list[str]:
    """The code blocks of a document in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@documents
def test_commands_and_options_exist(document):
    for words in commands(document.read_text()):
        command: click.Command = cli
        context = click.Context(cli)
        while isinstance(command, click.Group) and words and words[0][0] not in "-[":
            found = command.get_command(context, words.pop(0))
            assert found, f"seaformer-edge {command.name} has no such command: {words}"
            command = found
        options = {name for parameter in command.params for name in parameter.opts}
        given = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert given <= options | {"--help", "--version"}, f"{command.name}: {given - options}"


def shell_commands(text: str) -> list[list[str]]:
    """The arguments of each seaformer-edge in the shell blocks; what is optional is given."""
    found = []
    for line in "\n".join(fenced(text)).replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&<>")
        lexer.whitespace_split = True
        for is_operator, group in itertools.groupby(lexer, lambda word: not word.strip("|;&<>")):
            words = list(itertools.dropwhile(lambda word: "=" in word, group))  # VARIABLE=value
            if not is_operator and words and words[0].rpartition("/")[2] == "seaformer-edge":
                found.append([word.strip("[]") for word in words[1:]])
    return found


def test_commands_are_found_between_those_of_the_shell():
    text = "```sh\nA=b x - | .venv/bin/seaformer-edge live - [--json] > f  # c\n```"
    assert shell_commands(text) == [["live", "-", "--json"]]


@documents
def test_commands_are_accepted_by_the_command_line(document):
    for words in shell_commands(document.read_text()):
        command: click.Command = cli
        context = click.Context(cli)
        while isinstance(command, click.Group):
            found = command.get_command(context, words[0])
            assert found, words
            command, words = found, words[1:]
        command.make_context(command.name, words, parent=context)


@documents
def test_recipes_that_are_named_exist(document):
    for words in commands(document.read_text()):
        if words[:1] == ["train"] and re.fullmatch(r"[a-z][\w/-]*", (*words, "")[1]):
            assert (ROOT / "seaformer_edge/training/recipes" / f"{words[1]}.toml").is_file()


def test_the_network_of_the_contributors_guide_can_be_built_and_exported(monkeypatch):
    torch = pytest.importorskip("torch")
    registry = pytest.importorskip("seaformer_edge.nn.registry")
    monkeypatch.setattr(registry, "_ARCHITECTURES", dict(registry._ARCHITECTURES))
    (example,) = fenced((ROOT / "CONTRIBUTING.md").read_text(), "python")
    exec(example, {})
    network = registry.build("mynet", "segmentation", "small", 3).eval()
    picture = torch.rand(1, 3, 32, 64)
    module = registry.rewrite("mynet", network, 32, 64, (0, 0, 0), (1, 1, 1))
    assert module(picture).shape == (1, 3, 4, 8)
    assert torch.allclose(module(picture), network(picture))
