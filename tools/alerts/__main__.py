"""`python -m alerts`: write the rules, or `--check` them. `python -m alerts fetch`: bring Prometheus for the tests."""

import argparse
import sys
from pathlib import Path

from alerts import programs, render
from alerts.catalogue import catalogue

MONITORING = Path(__file__).resolve().parents[2] / "deploy" / "monitoring"
_NOTE = "Written by `make alerts` from tools/alerts: do not edit."


def files(runbook: str = render.RUNBOOK, datasource: str = render.DATASOURCE) -> dict[str, str]:
    """Return what is written, by its path under deploy/monitoring."""
    groups = catalogue()
    return {
        "prometheus/rules.yaml": render.text(render.prometheus(groups, runbook), _NOTE),
        "prometheus-operator/prometheusrule.yaml": render.text(render.prometheus_rule(groups, runbook), _NOTE),
        "grafana/alerting/rules.yaml": render.text(render.grafana(groups, runbook, datasource), _NOTE),
    }


def _write(folder: Path, runbook: str, datasource: str) -> int:
    for name, content in files(runbook, datasource).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        print(path)
    return 0


def _check() -> int:
    stale = [
        name
        for name, content in files().items()
        if not (MONITORING / name).exists() or (MONITORING / name).read_text() != content
    ]
    for name in stale:
        print(f"deploy/monitoring/{name} is not what tools/alerts says: run `make alerts`", file=sys.stderr)
    return 1 if stale else 0


def _fetch() -> int:
    try:
        for name in programs.PROGRAMS:
            print(f"{name}: {programs.found(name)}")
    except programs.ProgramMissing as error:
        print(f"alerts: {error}", file=sys.stderr)
        return 1
    return 0


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m alerts", description="Write the alert rules.")
    parser.add_argument("command", nargs="?", choices=["fetch"], help="fetch: bring promtool, Prometheus, Alertmanager")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when a file is out of step")
    parser.add_argument("--into", type=Path, default=MONITORING, help="the folder to write to")
    parser.add_argument("--runbook", default=render.RUNBOOK, help="the address of your copy of docs/troubleshooting.md")
    parser.add_argument("--datasource", default=render.DATASOURCE, help="the uid of Prometheus in Grafana")
    given = parser.parse_args(arguments)
    if given.command == "fetch":
        return _fetch()
    return _check() if given.check else _write(given.into, given.runbook, given.datasource)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
