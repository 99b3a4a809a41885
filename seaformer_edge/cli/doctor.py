"""`seaformer-edge doctor`: check this machine and this installation."""

from __future__ import annotations

import click

from seaformer_edge.cli.options import debug_option
from seaformer_edge.cli.output import echo, echo_coloured

FAILED = 1


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a bug report.")
@debug_option
def doctor(as_json: bool) -> int:
    """Check this machine and this installation, and show how to fix problems.

    Checks Python, libraries, runtime, models, Qt and the screen, cameras, temperature and disk, and
    segments two frames of the bundled clip. The exit code is 1 if files cannot be segmented.
    """
    from seaformer_edge.doctor import examine, report

    findings = []
    for finding in examine():
        findings.append(finding)
        if not as_json:
            echo_coloured(report.row(finding))
    if as_json:
        echo(report.as_json(findings))
    else:
        echo_coloured(f"\n{report.verdict(findings)}")
    return FAILED if any(finding.state == "error" for finding in findings) else 0
