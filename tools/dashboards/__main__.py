"""`python -m dashboards`: write the dashboards, or `--check` them."""

import argparse
import sys
from pathlib import Path

from alerts.render import RUNBOOK
from dashboards.credential import credential
from dashboards.internals import internals
from dashboards.overview import overview
from dashboards.parts import Dashboard
from dashboards.render import text

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "monitoring" / "grafana" / "dashboards"


def dashboards() -> tuple[Dashboard, ...]:
    """All of them, in the order in which they are listed."""
    return (overview(), credential(), internals())


def files(runbook: str = RUNBOOK) -> dict[str, str]:
    """Return what is written, by its name: the uid."""
    siblings = dashboards()
    return {f"{each.uid}.json": text(each, siblings, runbook) for each in siblings}


def _write(folder: Path, runbook: str) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files(runbook).items():
        (folder / name).write_text(content)
        print(folder / name)
    return 0


def _check() -> int:
    stale = [
        name
        for name, content in files().items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text() != content
    ]
    unknown = [each.name for each in FOLDER.glob("*") if each.name not in files()]
    for name in stale:
        print(f"deploy/monitoring/grafana/dashboards/{name} is out of step: run `make dashboards`", file=sys.stderr)
    for name in unknown:
        print(f"deploy/monitoring/grafana/dashboards/{name} is of no dashboard: remove it", file=sys.stderr)
    return 1 if stale or unknown else 0


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m dashboards", description="Write the Grafana dashboards.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when a file is out of step")
    parser.add_argument("--into", type=Path, default=FOLDER, help="the folder to write to")
    parser.add_argument("--runbook", default=RUNBOOK, help="the address of your copy of docs/troubleshooting.md")
    given = parser.parse_args(arguments)
    return _check() if given.check else _write(given.into, given.runbook)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
