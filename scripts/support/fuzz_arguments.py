"""Fuzz targets: arguments of commands, and tables that a live run continues."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import cache
from itertools import chain

import click
from fuzz_inputs import ODD_WORDS, Target, damaged, folder, put
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from seaformer_edge.cli.live import _check_usage, live
from seaformer_edge.cli.segment import segment
from seaformer_edge.errors import SeaformerEdgeError
from seaformer_edge.live.report import COLUMNS
from seaformer_edge.live.status_table import StatusTable

RECORD: dict[str, object] = dict.fromkeys(COLUMNS) | {
    "stage_ms": {},
    "dropped": {},
    "throttled": [],
    "classes": [],
}
_VALUES = st.one_of(
    st.sampled_from(
        [
            *ODD_WORDS,
            "5M",
            "1e9",
            "0.5",
            "inf",
            "9" * 5000,
            "1G ",
            "view",
            "-",
            "10s",
            "1:30",
            "0:00:61",
            "9:99.9",
        ]
    ),
    st.floats().map(str),
    st.integers().map(str),
    st.text(st.characters(exclude_characters="\0"), max_size=8),  # no argument holds it
)


def _arguments(command: click.Command) -> SearchStrategy[list[str]]:
    """A source, and some options with values that may be wrong."""
    options = [option for option in command.params if isinstance(option, click.Option)]
    flags = st.sampled_from([option.opts[-1] for option in options if option.is_flag])
    valued = st.sampled_from([option.opts[-1] for option in options if not option.is_flag])
    one = flags.map(lambda flag: [flag]) | st.tuples(valued, _VALUES).map(list)
    return st.lists(one, max_size=6).map(lambda some: ["synthetic", *chain.from_iterable(some)])


def _parse(
    command: click.Command, check: Callable[[click.Context], None]
) -> Callable[[object], None]:
    def parse(arguments: object) -> None:
        assert isinstance(arguments, list)
        try:
            context = command.make_context(command.name, arguments)
            check(context)
        except click.exceptions.Exit:  # --help
            return
        except click.ClickException as error:
            raise SeaformerEdgeError(error.format_message()) from error
        numbers = [value for value in context.params.values() if isinstance(value, int | float)]
        assert not any(math.isnan(number) for number in numbers), arguments

    return parse


@cache
def _tables() -> dict[str, bytes]:
    made = {}
    for name in ("a.csv", "a.jsonl"):
        path = folder() / f"made-{name}"
        path.unlink(missing_ok=True)
        table = StatusTable(path, 10**6)
        for _ in range(3):
            table.write(RECORD)
        table.close()
        made[name] = path.read_bytes()
    return made


def _continue_table(named: object) -> None:
    name, data = named  # type: ignore[misc]
    path = put(name, data)
    table = StatusTable(path, 10**6)
    table.write(RECORD)
    table.close()
    last = path.read_bytes().splitlines()[-1]
    assert last.count(b",") >= len(COLUMNS) - 1 if name == "a.csv" else json.loads(last) == RECORD


ARGUMENT_TARGETS = {
    "live options": Target(lambda: _arguments(live), _parse(live, _check_usage)),
    "segment options": Target(lambda: _arguments(segment), _parse(segment, lambda context: None)),
    "live tables": Target(lambda: damaged(_tables()), _continue_table),
}
