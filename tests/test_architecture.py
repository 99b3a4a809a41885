"""The structure: what imports what, what is public, what an installation contains."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import seaformer_edge

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "seaformer_edge"
PROGRAM = ROOT / "tests" / "data" / "programs" / "nhwc.pte"

HEAVY = {"av", "cv2", "executorch", "numpy", "PySide6", "tensorboard", "torch", "tqdm"}


def modules_after(code: str) -> set[str]:
    """The top-level modules that a fresh Python has loaded after `code`."""
    code += "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not HEAVY & modules_after("import seaformer_edge")


def test_the_command_line_starts_with_nothing_heavy() -> None:
    assert not HEAVY & modules_after("import seaformer_edge.cli")


def test_running_a_model_loads_no_torch() -> None:
    pytest.importorskip("seaformer_edge._native", reason="the native part was not built")
    modules = modules_after(f"""
import numpy as np
from seaformer_edge.inference.labels import upsample_argmax
from seaformer_edge.runtime import open_program
import seaformer_edge.inference.segmenter, seaformer_edge.sinks, seaformer_edge.sources
logits = open_program({str(PROGRAM)!r}).run(np.zeros((32, 48, 3), np.float32))
upsample_argmax(logits, 5, (48, 32))
""")
    assert not {"torch", "executorch", "PySide6"} & modules


def imports(path: Path) -> set[str]:
    """The top-level modules a file imports anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names}


SOURCES = sorted(PACKAGE.rglob("*.py"))
WINDOW_SOURCES = sorted((ROOT / "gui").rglob("*.py"))
PYTHON = b"#!/usr/bin/env python3"
WITH_TORCH = {"cli", "export", "nn", "runtime/official.py", "training"}


# A module may import the rows before its own row and, in a package, its own package.
LAYERS = (
    {"_version", "deprecation", "errors", "files", "frame", "percentiles", "safe_text"},
    {"machine"},
    {"hub"},
    {"runtime", "nn", "zones"},
    {"mqtt", "sources"},
    {"sinks"},
    {"inference"},
    {"export", "live"},
    {"profiling", "training"},
    {"doctor"},
    {"web"},
    {"cli"},
    {"__main__"},
)


def own_imports(path: Path) -> set[str]:
    """The modules of the package that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in inner}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & MODULES.keys()


def module_name(path: Path) -> str:
    """The name of a file's module, e.g. "seaformer_edge.hub.card"."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


# Without `seaformer_edge` itself, which imports its public names when they are first used.
MODULES = {module_name(path): path for path in SOURCES if path != PACKAGE / "__init__.py"}


def test_imports_go_one_way() -> None:
    layer = {name: number for number, names in enumerate(LAYERS) for name in names}
    upward = set()
    for name, path in MODULES.items():
        own = name.split(".")[1]
        for other in own_imports(path):
            imported = other.split(".")[1]
            if imported != own and layer[imported] >= max(layer[own], 1):
                upward.add(f"{name} imports {other}")
    assert upward == set()


def test_no_import_cycles() -> None:
    graph = {name: own_imports(path) - {name} for name, path in MODULES.items()}
    TopologicalSorter(graph).prepare()


def test_the_package_root_stays_small() -> None:
    assert len({name.split(".")[1] for name in MODULES}) <= 24


def test_scripts_import_nothing_from_the_tests() -> None:
    files = [path for path in (ROOT / "scripts").rglob("*") if path.is_file()]
    scripts = [p for p in files if p.suffix == ".py" or p.read_bytes().startswith(PYTHON)]
    assert len(scripts) > 20
    of_scripts = {path.stem for path in scripts}
    of_tests = {path.stem for path in (ROOT / "tests").rglob("*.py")} - of_scripts | {"tests"}
    assert {path.name for path in scripts if imports(path) & of_tests} == set()


def test_no_file_imports_qt() -> None:
    qt = {"PyQt5", "PyQt6", "PySide2", "PySide6", "qtpy"}
    assert {path.name for path in SOURCES if imports(path) & qt} == set()


def test_the_windows_logic_imports_no_qt() -> None:
    with_qt = {path.name for path in WINDOW_SOURCES if "PySide6" in imports(path)}
    logic = {"background.py", "canvas.py", "controller.py", "messages.py", "ranking.py"}
    assert not with_qt & (logic | {"formatting.py", "settings.py"})


def test_only_training_export_and_the_official_binding_import_torch() -> None:
    files = {
        path.relative_to(PACKAGE).as_posix()
        for path in SOURCES
        if imports(path) & {"torch", "executorch", "torchao", "safetensors"}
    }
    assert {file for file in files if not {file, file.partition("/")[0]} & WITH_TORCH} == set()


def test_public_surface() -> None:
    assert sorted(seaformer_edge.__all__) == [
        "Card",
        "ClassShare",
        "Classifier",
        "Frame",
        "ModelError",
        "Program",
        "SeaformerEdgeError",
        "Segmentation",
        "Segmenter",
        "SinkError",
        "SourceError",
        "__version__",
        "draw",
        "open_program",
        "open_sink",
        "open_source",
    ]
    for name in seaformer_edge.__all__:
        assert getattr(seaformer_edge, name)
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        _ = seaformer_edge.absent


def test_commands_of_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text()
    scripts = set(re.findall(r"\bscripts/[\w.]+", text))
    assert {"scripts/demo", "scripts/test"} <= scripts
    for script in scripts:
        assert os.access(ROOT / script, os.X_OK), script


def test_the_libraries_beside_the_native_part_come_with_their_licence() -> None:
    native = importlib.util.find_spec("seaformer_edge._native")
    if native is None or native.origin is None:
        pytest.skip("the native part was not built")
    folder = Path(native.origin).parent
    assert len(list(folder.glob("libexecutorch*"))) == 3
    assert "Redistribution and use" in (folder / "LICENSE-executorch").read_text()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of the files in a wheel built without the native part."""
    pytest.importorskip("scikit_build_core", reason="building needs scikit-build-core (extra: dev)")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "-C", "wheel.cmake=false"]
    command += ["-C", "wheel.py-api=py3", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built).namelist()


def test_wheel_leaves_two_modules(wheel: list[str]) -> None:
    tops = {name.partition("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "seaformer_edge",
        "seaformer_edge_gui",
    }


def test_wheel_holds_models_and_sample_but_neither_checkpoints_nor_cpp(wheel: list[str]) -> None:
    for folder, target in [
        (ROOT / "models", "seaformer_edge/models"),
        (PACKAGE / "data", "seaformer_edge/data"),
    ]:
        for path in folder.rglob("*"):
            if path.is_file() and ".safetensors" not in path.name:
                assert f"{target}/{path.relative_to(folder).as_posix()}" in wheel
    assert not [name for name in wheel if ".safetensors" in name or name.endswith((".cpp", ".h"))]


def test_wheel_holds_every_module_and_the_licences(wheel: list[str]) -> None:
    modules = {path.relative_to(ROOT).as_posix() for path in SOURCES}
    modules |= {path.relative_to(ROOT / "gui").as_posix() for path in WINDOW_SOURCES}
    assert modules <= set(wheel)
    assert "seaformer_edge/py.typed" in wheel
    names = {Path(name).name for name in wheel if ".dist-info/licenses/" in name}
    assert names == {"LICENSE", "NOTICE"}


def test_wheel_holds_the_page(wheel: list[str]) -> None:
    files = {path.relative_to(ROOT).as_posix() for path in (PACKAGE / "web" / "page").iterdir()}
    assert files
    assert files <= set(wheel)


def test_wheel_holds_the_recipes(wheel: list[str]) -> None:
    recipes = list((PACKAGE / "training" / "recipes").rglob("*.toml"))
    assert recipes
    assert {path.relative_to(ROOT).as_posix() for path in recipes} <= set(wheel)
