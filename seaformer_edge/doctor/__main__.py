"""`python -m seaformer_edge.doctor NAME ARGUMENT...` runs a probe and prints its answer as JSON."""

import json
import sys

from seaformer_edge.doctor import probes

name, *arguments = sys.argv[1:]
print(json.dumps(getattr(probes, name)(*arguments)))
