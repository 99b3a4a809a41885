"""scripts/release/check_distributions: what a wheel and a source distribution must contain."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from loading import load_script

ROOT = Path(__file__).parents[2]
PACKAGE = "seaformer_edge"
LIBRARIES = ("", "_backend_xnnpack", "_threadpool")
WHEEL = [
    f"{PACKAGE}/_native.abi3.so",
    *(f"{PACKAGE}/libexecutorch{name}.so" for name in LIBRARIES),
    *(f"{PACKAGE}/models/{program.name}" for program in (ROOT / "models").glob("*.pte")),
]
RECIPE = f"{PACKAGE}/training/recipes/everyday.toml"


@pytest.fixture
def check() -> ModuleType:
    return load_script("release/check_distributions")


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (WHEEL, ""),
        ([name.replace(".abi3.so", ".cpython-311-darwin.so") for name in WHEEL], ""),
        ([name.replace("torch.so", "torch.dylib") for name in WHEEL], ""),
        (WHEEL[1:], "_native"),
        ([*WHEEL, f"{PACKAGE}.libs/libexecutorch-0a1b2c3d.so"], "libexecutorch"),
        (WHEEL[:-1], "without seaformer-"),
    ],
)
def test_contents_of_a_wheel(
    check: ModuleType, tmp_path: Path, names: list[str], problem: str
) -> None:
    file = tmp_path / "a-1-cp312-abi3-linux_x86_64.whl"
    with zipfile.ZipFile(file, "w") as wheel:
        for name in names:
            wheel.writestr(name, "")
    found = list(check.problems(file))
    assert len(found) == bool(problem)
    assert problem in "".join(found)


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ([RECIPE], ""),
        ([], "no recipes"),
        ([RECIPE, "models/t.safetensors"], "t.safetensors"),
        ([RECIPE, f"{PACKAGE}/_native.abi3.so"], "_native"),
    ],
)
def test_contents_of_a_source_distribution(
    check: ModuleType, tmp_path: Path, names: list[str], problem: str
) -> None:
    file = tmp_path / "a-1.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(f"a-1/{name}"), io.BytesIO())
    found = list(check.problems(file))
    assert len(found) == bool(problem)
    assert problem in "".join(found)


def test_a_file_that_is_too_large(
    check: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "SDIST_MB", 1e-6)
    with tarfile.open(tmp_path / "a-1.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo(f"a-1/{RECIPE}"), io.BytesIO())
    (found,) = check.problems(tmp_path / "a-1.tar.gz")
    assert "at most" in found


@pytest.mark.parametrize(("required", "builds_without"), [("1", False), ("", True)])
def test_a_release_is_not_built_without_its_native_part(
    required: str, builds_without: bool
) -> None:
    reader = pytest.importorskip("scikit_build_core.settings.skbuild_read_settings")
    settings = reader.SettingsReader.from_file(
        ROOT / "pyproject.toml",
        state="wheel",
        env={"SEAFORMER_EDGE_REQUIRE_NATIVE": required},
        retry=True,  # after the compiler has failed
    ).settings
    assert settings.wheel.cmake is not builds_without


def test_a_source_distribution_leaves_out_what_a_wheel_has() -> None:
    reader = pytest.importorskip("scikit_build_core.settings.skbuild_read_settings")
    excluded = {
        state: reader.SettingsReader.from_file(
            ROOT / "pyproject.toml", state=state
        ).settings.sdist.exclude
        for state in ("sdist", "wheel")
    }
    assert any(name.startswith("models/") for name in excluded["sdist"])
    assert not any(name.startswith("models/") for name in excluded["wheel"])
