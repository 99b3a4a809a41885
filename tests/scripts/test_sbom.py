"""scripts/release/sbom: libraries inside wheels, their licences, and the audit report."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
from loading import load_script

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sbom() -> ModuleType:
    return load_script("release/sbom")


@pytest.mark.parametrize(
    ("file", "name", "version"),
    [
        ("libx264-d6533a8d.so.165", "libx264", "165"),
        ("libxcb-shape-7716c890.so.0.0.0", "libxcb-shape", "0.0.0"),
        ("libgfortran-040039e1-0352e75f.so.5.0.0", "libgfortran", "5.0.0"),
        ("libscipy_openblas64_-32a4b2a6.so", "libscipy_openblas64_", ""),
        ("libopenblasp-r0-59ffcd50.3.15.so", "libopenblasp", ""),
        ("libcrypto-5409cd36.so.1.1.1k", "libcrypto", "1.1.1k"),
        ("libexecutorch_threadpool.so", "libexecutorch_threadpool", ""),
        ("_native.abi3.so", "_native", ""),
        ("_native.cpython-311-x86_64-linux-gnu.so", "_native", ""),
    ],
)
def test_names(sbom: ModuleType, file: str, name: str, version: str) -> None:
    assert sbom.name_and_version(file) == (name, version)


def licence_of(sbom: ModuleType, path: Path) -> str | None:
    component = sbom.library(path)
    return component["licenses"][0]["expression"] if "licenses" in component else None


@pytest.mark.skipif(sys.platform != "linux", reason="reads the libraries of Linux wheels")
def test_every_library_of_this_environment_has_a_known_licence(sbom: ModuleType) -> None:
    import av

    packages = Path(av.__file__).parents[1]
    folders = [packages / f"{name}.libs" for name in ("av", "opencv_python_headless", "numpy")]
    files = [path for folder in folders for path in folder.glob("*.so*")]
    assert len(files) > 20
    assert [path.name for path in files if licence_of(sbom, path) is None] == []
    (x264,) = [path for path in files if path.name.startswith("libx264")]
    assert licence_of(sbom, x264) == "GPL-2.0-or-later"


def test_the_licence_is_read_from_ffmpeg(sbom: ModuleType, tmp_path: Path) -> None:
    library = tmp_path / "libavcodec-0123abcd.so.62.28.102"
    library.write_bytes(b"\0libavcodec license: GPL version 3 or later\0")
    assert licence_of(sbom, library) == "GPL-3.0-or-later"
    library.write_bytes(b"\0libavcodec license: nonfree and unredistributable\0")
    assert licence_of(sbom, library) is None


def test_libraries_compiled_into_the_native_extension(sbom: ModuleType) -> None:
    native = find_spec("seaformer_edge._native")
    if native is None or native.origin is None:
        pytest.skip("the native extension is not built")
    own = list(sbom.own_libraries(Path(native.origin).parent))
    assert {component["name"] for component in own} == set(sbom.COMPILED_IN)
    compiled_in = {inner["name"] for component in own for inner in component["components"]}
    assert {"XNNPACK", "pthreadpool", "cpuinfo", "FlatBuffers", "nanobind"} <= compiled_in
    notice = (ROOT / "NOTICE").read_text()
    assert [name for name in compiled_in if name not in notice] == []


def test_a_library_without_a_licence_is_reported(
    sbom: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "libnew-0123abcd.so.1").write_bytes(b"")
    inner = sbom.library(tmp_path / "libnew-0123abcd.so.1")
    package = {"name": "av", "licenses": [{"license": {"id": "MIT"}}], "components": [inner]}
    ours = {"name": "seaformer-edge", "licenses": [{"expression": "Apache-2.0"}]}
    materials = {"metadata": {"component": ours}, "components": [package]}
    assert sbom.print_licences(materials) == ["libnew"]
    assert "unknown" in capsys.readouterr().out


def audit(sbom: ModuleType, stdout: object, stderr: str = "") -> tuple[list[str], bool]:
    finished = subprocess.CompletedProcess([], 0, json.dumps(stdout) if stdout else "", stderr)
    lines, vulnerable = sbom.audit(finished)
    return lines, vulnerable


GOOD = {"name": "av", "version": "19.0", "vulns": []}
OURS = {"name": "seaformer-edge", "skip_reason": "Dependency not found on PyPI"}
BAD = {"name": "numpy", "version": "1.0", "vulns": [{"id": "CVE-1", "fix_versions": ["1.1"]}]}


def test_an_audit(sbom: ModuleType) -> None:
    lines, vulnerable = audit(sbom, {"dependencies": [GOOD, OURS]})
    assert lines == ["vulnerabilities: 0 in 1 packages; not audited: seaformer-edge"]
    assert not vulnerable
    lines, vulnerable = audit(sbom, {"dependencies": [GOOD, BAD]})
    assert lines[1:] == ["numpy 1.0: CVE-1, fixed in 1.1"]
    assert vulnerable


def test_an_audit_without_the_service(sbom: ModuleType) -> None:
    (line,), vulnerable = audit(sbom, {"dependencies": [OURS, OURS | {"name": "av"}]})
    assert "NOT AUDITED" in line
    assert not vulnerable
    (line,), _ = audit(sbom, None, "Traceback\nConnectionError: no route")
    assert line == "vulnerabilities: NOT AUDITED: ConnectionError: no route"
