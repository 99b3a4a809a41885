"""`python -m seaformer_edge` is `seaformer-edge`."""

import sys

from seaformer_edge.cli import main

sys.exit(main())
