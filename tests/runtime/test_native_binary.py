"""The compiled extension: hardened, and without paths of the machine that built it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

native = pytest.importorskip("seaformer_edge._native", reason="the native part was not built")
BINARY = Path(native.__file__)


def readelf(*options: str) -> str:
    if sys.platform != "linux" or not shutil.which("readelf"):
        pytest.skip("needs Linux and readelf (binutils)")
    command = ["readelf", "--wide", *options, str(BINARY)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_relocations_are_read_only_and_the_stack_does_not_execute() -> None:
    segments = readelf("--segments")
    assert "GNU_RELRO" in segments
    (stack,) = re.findall(r"GNU_STACK.*", segments)
    assert "RWE" not in stack
    assert re.search(r"FLAGS_1.*\bNOW\b", readelf("--dynamic"))


@pytest.mark.parametrize("function", ["__stack_chk_fail", "__snprintf_chk"])
def test_stack_protector_and_fortify_are_on(function: str) -> None:
    assert function in readelf("--dyn-syms")


def test_the_binary_names_no_folder_of_its_builder() -> None:
    sources = rb"(?<![\w./])/[\w./ -]*\.(?:cpp|h)\b"
    named = re.findall(sources, BINARY.read_bytes())
    assert not named
