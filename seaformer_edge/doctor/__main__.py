"""Runs a probe for `probes.ask`, or manually: `python -m seaformer_edge.doctor PROBE ARG...`."""

import json
import sys
from typing import Any

from seaformer_edge.doctor import probes
from seaformer_edge.machine.child_process import serve


def _run(name: str, *arguments: str) -> Any:
    return getattr(probes, name)(*arguments)


if len(sys.argv) > 1:
    print(json.dumps(_run(*sys.argv[1:])))
else:
    serve(lambda connection: connection.send(_run(*connection.request)))
