from __future__ import annotations

import subprocess
import sys

import pytest
from entry_point import write_entry_point

from seaformer_edge.errors import ModelError
from seaformer_edge.nn import Architecture, register_architecture, registry


@pytest.fixture(autouse=True)
def own_table(monkeypatch):
    """Registrations of a test end with it."""
    monkeypatch.setattr(registry, "_ARCHITECTURES", dict(registry._ARCHITECTURES))


def row(name="mine", variants=("small",), build=lambda *_, **__: None):
    return Architecture(name, variants, build)


def test_reading_the_table_loads_no_torch():
    code = (
        "import sys, seaformer_edge.nn as nn; from seaformer_edge.nn.registry import *;"
        "assert find_architecture('seaformer').variants == ('T', 'S', 'B', 'L');"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_registered_architecture_is_found():
    register_architecture(row())
    assert registry.find_architecture("mine").variants == ("small",)


@pytest.mark.parametrize("wrong", [row("seaformer"), row(variants=())])
def test_a_taken_name_and_no_variants_are_refused(wrong):
    with pytest.raises(ValueError, match=f"architecture '{wrong.name}'"):
        register_architecture(wrong)


def test_an_unknown_architecture_lists_the_known_and_the_entry_point():
    with pytest.raises(ModelError, match=r"unknown .*'unet'; known are seaformer\. .*entry point"):
        registry.find_architecture("unet")


def test_an_unknown_variant_lists_the_known():
    with pytest.raises(ModelError, match="unknown variant 'X' of seaformer; known are T, S, B, L"):
        registry.build("seaformer", "segmentation", "X", 3)


def test_what_the_builder_refuses_names_the_architecture():
    def build(task, variant, num_classes):
        raise ValueError(f"no {task}")

    register_architecture(row(build=build))
    with pytest.raises(ModelError, match="mine small, classification: no classification"):
        registry.build("mine", "classification", "small", 3)


def test_an_entry_point_is_imported_when_its_name_is_asked_for(tmp_path, monkeypatch):
    write_entry_point(tmp_path, "elsewhere", "elsewhere_networks")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "elsewhere_networks.py").write_text(
        "from seaformer_edge.nn import Architecture, register_architecture\n"
        "register_architecture(Architecture('elsewhere', ('one',), build='math:prod'))\n"
    )
    registry.find_architecture("seaformer")
    assert "elsewhere_networks" not in sys.modules
    assert registry.find_architecture("elsewhere").variants == ("one",)


def test_an_entry_point_that_cannot_be_imported_is_named(tmp_path, monkeypatch):
    write_entry_point(tmp_path, "elsewhere", "not_there_at_all")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match="'elsewhere': importing not_there_at_all failed"):
        registry.find_architecture("elsewhere")


def test_a_size_that_no_network_takes_is_refused_for_every_architecture():
    register_architecture(row())
    with pytest.raises(ValueError, match="multiples of 32, got 100x96"):
        registry.rewrite("mine", None, 96, 100, (0, 0, 0), (1, 1, 1))
