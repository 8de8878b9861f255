"""What every operator of this session has asked of Kubernetes: the audit logs of the control planes that tests share.

A pytest plugin. `trail_of(config)` holds the logs; the tests of `LAST` run after all others, whatever the order, and
judge them. A request of the operators' account is written down without its content. Of other people only what tells
which Secrets are the operators' business is: the KiteCredentials that they write, and the labels of their Secrets.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from support.rights import ACCOUNT

LAST: Final = "test_rights_of_the_whole_suite.py"
_SUITE: Final = Path(__file__).resolve().parents[1] / "cluster"
_WRITES: Final = ["create", "update", "patch"]
_POLICY: Final[dict[str, Any]] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "omitManagedFields": True,
    "rules": [
        {"level": "Metadata", "users": [ACCOUNT]},
        {
            "level": "RequestResponse",
            "verbs": _WRITES,
            "resources": [
                {"group": "kite-operator.dev", "resources": ["kitecredentials"]},
                {"group": "", "resources": ["secrets"]},
            ],
        },
        {"level": "None"},
    ],
}


@dataclass(frozen=True, slots=True)
class Trail:
    """The logs of one test session, in a folder that is removed with it."""

    folder: Path

    def arguments(self) -> tuple[str, ...]:
        """What makes one more API server write its requests down here."""
        made = Path(tempfile.mkdtemp(dir=self.folder))
        policy = made / "policy.json"
        policy.write_text(json.dumps(_POLICY))
        return (f"--audit-policy-file={policy}", f"--audit-log-path={made / 'audit.log'}")

    def entries(self) -> Iterator[dict[str, Any]]:
        """Every request, read as a stream: a whole suite makes a hundred thousand."""
        for log in sorted(self.folder.glob("*/audit*.log")):  # a long one is continued in a further file
            with log.open() as lines:
                yield from map(json.loads, lines)


_TRAIL: Final = pytest.StashKey[Trail]()
_DESELECTED: Final = pytest.StashKey[bool]()


def trail_of(config: pytest.Config) -> Trail:
    """The one of this session."""
    if _TRAIL not in config.stash:
        config.stash[_TRAIL] = Trail(Path(tempfile.mkdtemp(prefix="kite-audit-")))
        config.add_cleanup(lambda: shutil.rmtree(config.stash[_TRAIL].folder, ignore_errors=True))
    return config.stash[_TRAIL]


def is_whole(session: pytest.Session) -> bool:
    """Whether all of the cluster tests are run: only then can a right be said to be used by none of them."""
    files = {item.path for item in session.items}
    chosen = session.config.stash.get(_DESELECTED, default=False) or any("::" in each for each in session.config.args)
    return not chosen and files >= set(_SUITE.glob("test_*.py"))


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Remember that there was a choice, such as by -k."""
    for item in items:
        item.config.stash[_DESELECTED] = True


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the judges last: after pytest-randomly has shuffled."""
    items.sort(key=lambda item: item.path.name == LAST)
