"""A real cluster is for those who may make one: `make e2e` fails elsewhere, `make test` says what it leaves out.

The desk is installed once, in half a minute, for all modules: a test finds it working, and leaves it working.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.resolve import Resolver
from support.desk import Setup
from support.helm import Helm
from support.realnode import REQUIRED, may_run, started

_HERE = Path(__file__).parent
_SECONDS = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is real takes its time; the first test also builds what is missing."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.timeout(_SECONDS))


@pytest.fixture(scope="session", autouse=True)
def _machine_that_can() -> None:
    may_run(required=os.environ.get("E2E") == REQUIRED)


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    folder = tmp_path_factory.mktemp("desk")
    helm = Helm(Resolver().resolve(["helm"])["helm"], folder)
    with started(2) as cluster:
        made = Setup.prepare(cluster, helm, folder)
        made.install()
        yield made
        print("\n" + "\n".join(f"{name}: {figure}" for name, figure in made.figures.items()))  # noqa: T201 - to be read
