"""`seaformer-edge doctor`: what this machine can and cannot do, and why."""

from __future__ import annotations

import click

from seaformer_edge.cli.options import debug_option

BLOCKED = 1


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for a bug report.")
@debug_option
def doctor(as_json: bool) -> int:
    """Tell what this machine can and cannot do, and what would mend it.

    It looks at Python, libraries, runtime, models, Qt and the screen, cameras, heat and disk, and
    segments two frames of the bundled clip. The exit code is 1 where files cannot be segmented.
    """
    from seaformer_edge.doctor import examine, report

    findings = []
    for finding in examine():
        findings.append(finding)
        if not as_json:
            click.echo(report.row(finding))
    click.echo(report.as_json(findings) if as_json else f"\n{report.verdict(findings)}")
    return BLOCKED if any(finding.state == "error" for finding in findings) else 0
