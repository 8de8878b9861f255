"""Audit of the locked distributions: pip-audit asks a public database for known vulnerabilities.

"Nothing is known" and "nobody could be asked" are two answers, and never look alike. Neither is a part of `make test`:
what became known last night says nothing about a change of today.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SOUND, FOUND, NOT_ASKED = 0, 1, 2
"""The command's exit codes."""

NOT_AFFECTED: Final[Mapping[str, str]] = {}
"""What is known against a locked version and does no harm here: its ID, and why. It goes with that version."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result for one lock."""

    code: int
    lines: tuple[str, ...]


def audit(lock: Path, service: str | None = None, not_affected: Mapping[str, str] = NOT_AFFECTED) -> Verdict:
    """Ask OSV, or the service of the same interface at the address `service`."""
    asked = subprocess.run(  # noqa: S603 - pip-audit of this environment
        [sys.executable, "-m", "pip_audit", *_options(lock, service, not_affected)],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        distributions = json.loads(asked.stdout)["dependencies"]
    except (ValueError, KeyError):
        reason = (asked.stderr.strip().splitlines() or ["no answer"])[-1]
        return Verdict(NOT_ASKED, (f"{lock.name}: NOT AUDITED. The database could not be asked: {reason[:300]}",))
    return _judge(lock, distributions)


def _options(lock: Path, service: str | None, not_affected: Mapping[str, str]) -> list[str]:
    ignored = [part for each in not_affected for part in ("--ignore-vuln", each)]
    address = ["--osv-url", service] if service else []
    asking = ["--vulnerability-service", "osv", *address, "--require-hashes", "--disable-pip", "--strict"]
    return [*asking, *ignored, "--format", "json", "--progress-spinner", "off", "--requirement", str(lock)]


def _judge(lock: Path, distributions: list[dict[str, object]]) -> Verdict:
    lines = [line for each in distributions for line in _known(each)]
    skipped = [str(each["name"]) for each in distributions if "skip_reason" in each]
    if lines:
        return Verdict(FOUND, tuple(lines))
    if skipped or not distributions:
        return Verdict(NOT_ASKED, (f"{lock.name}: NOT AUDITED in whole: {', '.join(skipped) or 'nothing in it'}",))
    return Verdict(SOUND, (f"{lock.name}: nothing is known against its {len(distributions)} distributions",))


def _known(distribution: dict[str, object]) -> list[str]:
    found = distribution.get("vulns", [])
    assert isinstance(found, list)  # noqa: S101 - for the type checker; pip-audit's format
    return [
        f"{distribution['name']} {distribution['version']}: {each['id']} {' '.join(each['aliases'])}, "
        f"mended in {', '.join(each['fix_versions']) or 'no version yet'}: {each['description'][:200]}"
        for each in found
    ]
