"""What every operator of this session has asked of Kubernetes: the audit logs of the control planes that tests share.

A pytest plugin. `trail_of(config)` holds the logs; the tests of `LAST` run after all others, whatever the order, and
judge them. Where workers of pytest-xdist run the suite, the judges are a session of their own after it, and both are
given one folder by --audit-trail, as `make test` does.

A request of the operators' account is written down without its content. Of other people only what tells which Secrets
are the operators' business is: the KiteCredentials that they write, and the labels of their Secrets.
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
_WHOLE: Final = "whole"
"""The file in the folder that says that all of the cluster tests were run."""
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
    """The logs of one test session, in a folder."""

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


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the session of the judges see what the one before it has left."""
    parser.addoption("--audit-trail", type=Path, help="a folder for the audit logs, that outlives this session")


def trail_of(config: pytest.Config) -> Trail:
    """The one of this session, or that of --audit-trail; without the option it is removed with the session."""
    if _TRAIL not in config.stash:
        given: Path | None = config.getoption("--audit-trail")
        if given is not None:
            given.mkdir(parents=True, exist_ok=True)
            config.stash[_TRAIL] = Trail(given.resolve())
        else:
            config.stash[_TRAIL] = Trail(Path(tempfile.mkdtemp(prefix="kite-audit-")))
            config.add_cleanup(lambda: shutil.rmtree(config.stash[_TRAIL].folder, ignore_errors=True))
    return config.stash[_TRAIL]


def is_whole(config: pytest.Config) -> bool:
    """Whether all of the cluster tests are run: only then can a right be said to be used by none of them."""
    return (trail_of(config).folder / _WHOLE).exists()


def is_one_of_several(config: pytest.Config) -> bool:
    """Whether this is a worker of pytest-xdist, which cannot know when the others have ended."""
    return hasattr(config, "workerinput")


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Remember that there was a choice, such as by -k."""
    for item in items:
        item.config.stash[_DESELECTED] = True


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the judges last: after pytest-randomly has shuffled."""
    items.sort(key=lambda item: item.path.name == LAST)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write down whether it is the whole suite."""
    files = {item.path for item in session.items}
    wanted = {path for path in _SUITE.glob("test_*.py") if path.name != LAST}
    chosen = session.config.stash.get(_DESELECTED, default=False) or any("::" in each for each in session.config.args)
    if not chosen and files >= wanted:
        (trail_of(session.config).folder / _WHOLE).touch()
