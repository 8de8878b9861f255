"""Which tests may run side by side, in several workers of pytest-xdist: a pytest plugin.

Each worker has a control plane and a sandbox of its own, and a test keeps to its own namespace: so single tests are
handed out. Tests that share more stay together: a fixture of their module, the nodes of tests/e2e, the unpacked images
of tests/image. Those of tests/unit and tests/contract stay together by file, because they are many and short. The
longest suites come first, so that no worker is left alone with them at the end.
"""

import functools
import re
from pathlib import Path
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

_ROOT: Final = Path(__file__).resolve().parents[2]
_LONGEST_FIRST: Final = ("e2e", "image", "bench", "chart", "alerts", "browser", "cluster", "contract")
_WHOLE: Final = frozenset({"e2e", "image"})
_BY_FILE: Final = frozenset({"unit", "contract"})
_FAULT_GROUPS: Final = re.compile(r"tests/cluster/test_every_fault\.py::.*\[(\w+-(probe-)?)")
"""The fault table is played in scenes: all places of a mode but the probe together, and its probes."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the suites, after pytest-randomly has shuffled."""
    items.sort(key=lambda item: _rank(suite_of(item.nodeid)))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Hand out groups, in that order, whatever --dist says."""
    config.option.loadscopereorder = False
    return Groups(config, log)


class Groups(LoadScopeScheduling):  # type: ignore[misc]  # xdist is not typed for us
    """A group of tests is what a worker is given."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def group_of(nodeid: str) -> str:
    """What the test stays together with: others that have the same text."""
    suite, file = suite_of(nodeid), nodeid.partition("::")[0]
    if suite in _WHOLE:
        return suite
    if faults := _FAULT_GROUPS.match(nodeid):
        return f"{file}::{faults[1]}"
    return file if suite in _BY_FILE or _shares_a_fixture(file) else nodeid


def suite_of(nodeid: str) -> str:
    """The folder below tests/, such as cluster."""
    return nodeid.split("/")[1]


def _rank(suite: str) -> int:
    return _LONGEST_FIRST.index(suite) if suite in _LONGEST_FIRST else len(_LONGEST_FIRST)


@functools.cache
def _shares_a_fixture(file: str) -> bool:
    """Whether the tests of a file have a fixture that is made once for all of them, there or in their conftest.py."""
    path = _ROOT / file
    return any('scope="module"' in each.read_text() for each in (path, path.with_name("conftest.py")) if each.exists())
