from __future__ import annotations

import ctypes
import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seaformer_edge.profiling.estimate import CLASSES, Counts

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "support"))
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "bench" / "arm_instructions"))


@pytest.fixture(scope="module")
def class_of(tmp_path_factory):
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    library = tmp_path_factory.mktemp("classify") / "classify.so"
    headers = ROOT / "scripts" / "support" / "arm"
    source = '#include "classify.h"\nint class_of(uint32_t code) { return classify(code); }\n'
    command = ["cc", "-shared", "-fPIC", "-I", headers, "-x", "c", "-", "-o", library]
    subprocess.run(command, input=source, text=True, check=True)
    classify = ctypes.CDLL(str(library)).class_of
    return lambda code: CLASSES[classify(code)]


@pytest.mark.parametrize(
    ("instruction", "code", "expected"),
    [
        ("fmla v0.4s, v1.4s, v2.4s", 0x4E22CC20, "multiply"),
        ("fmla v0.4s, v1.4s, v2.s[0]", 0x4F821020, "multiply"),
        ("fmla v0.8h, v1.8h, v2.8h", 0x4E420C20, "multiply"),
        ("fmul v0.8h, v1.8h, v2.h[0]", 0x4F029020, "multiply"),
        ("sdot v0.4s, v1.16b, v2.4b[0]", 0x4F82E020, "multiply"),
        ("smmla v0.4s, v1.16b, v2.16b", 0x4E82A420, "multiply"),
        ("smlal v0.4s, v1.4h, v2.4h", 0x0E628020, "int_multiply"),
        ("mla v0.8h, v1.8h, v2.8h", 0x4E629420, "int_multiply"),
        ("sqrdmulh v0.4s, v1.4s, v2.s[0]", 0x4F82D020, "int_multiply"),
        ("fadd v0.4s, v1.4s, v2.4s", 0x4E22D420, "arithmetic"),
        ("fmax v0.8h, v1.8h, v2.8h", 0x4E423420, "arithmetic"),
        ("saddw v0.4s, v1.4s, v2.4h", 0x0E621020, "arithmetic"),
        ("scvtf v0.4s, v1.4s", 0x4E21D820, "arithmetic"),
        ("fadd s0, s1, s2", 0x1E222820, "arithmetic"),
        ("ldr q0, [x1]", 0x3DC00020, "load"),
        ("str q0, [x1]", 0x3D800020, "store"),
        ("ldp q0, q1, [x2]", 0xAD400440, "load"),
        ("stp q0, q1, [x2]", 0xAD000440, "store"),
        ("ld1 {v0.4s}, [x1]", 0x4C407820, "load"),
        ("ldr x0, [x1]", 0xF9400020, "load"),
        ("strb w0, [x1]", 0x39000020, "store"),
        ("ldrsw x0, [x1]", 0xB9800020, "load"),
        ("ldadd w0, w1, [x2]", 0xB8200041, "load"),
        ("prfm pldl1keep, [x0]", 0xF9800000, "load"),
        ("add x0, x1, x2", 0x8B020020, "scalar"),
        ("add x0, x1, #1", 0x91000420, "scalar"),
        ("b .", 0x14000000, "branch"),
        ("cbz x0, .", 0xB4000000, "branch"),
    ],
)
def test_class_of_an_instruction(class_of, instruction, code, expected):
    assert class_of(code) == expected, instruction


def counts(scale: int) -> Counts:
    return Counts(*(scale * n for n in range(1, 13)))


def row(name: str, scale: int) -> str:
    return f"{name} {' '.join(str(scale * n) for n in range(1, 13))}"


def test_operators_end_at_their_marks_and_preparations_are_left_out():
    from arm_emulator import parse

    clocks = (150, 200, 210, 230, 260, 300)
    marks = "\n".join([row("run", 100), *(row("clock", n) for n in clocks), row("run", 400)])
    total, kinds = parse(marks, "1 Add (ND) #1\n2 Convolution #1\n1 Add (ND) #2\n")
    assert kinds == {"Add (ND)": counts(10 + 40), "Convolution": counts(50)}
    assert total == counts(100)


@pytest.mark.parametrize(("scale", "status"), [(100, 0), (102, 0), (103, 1), (50, 0)])
def test_only_more_instructions_than_recorded_count_as_worse(scale, status, capsys):
    recorded = {"model": {"cortex-a76": [100 * n for n in range(1, 13)]}}
    measured = {"model": {"cortex-a76": counts(scale)}, "new": {"cortex-a76": counts(1)}}
    assert SCRIPT["compare"](recorded, measured) == status
    assert ("worse: model" in capsys.readouterr().out) == bool(status)


def test_recording_keeps_other_programs_and_what_others_measured(tmp_path):
    path = tmp_path / "instructions.json"
    path.write_text('{"programs": {"a": {"x": [1], "y": [2]}, "b": {"x": [3]}}, "measured": [[4]]}')
    SCRIPT["record"]({"a": {"y": counts(1)}}, path)
    content = json.loads(path.read_text())
    assert content["programs"] == {"a": {"x": [1], "y": list(range(1, 13))}, "b": {"x": [3]}}
    assert content["measured"] == [[4]]
