"""A real cluster is for those who may make one: `make e2e` fails elsewhere, `make test` says what it leaves out."""

import os

import pytest

from support.realnode import REQUIRED, may_run


@pytest.fixture(scope="session", autouse=True)
def _machine_that_can() -> None:
    may_run(required=os.environ.get("E2E") == REQUIRED)
