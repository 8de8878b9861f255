"""The alerts are tried with real programs: promtool alone, and a whole Prometheus in the cluster tests' world."""

import pytest

from alerts import programs
from cluster.conftest import administrator, broker, control_plane, crd, kubectl, namespace, world

__all__ = ["administrator", "broker", "control_plane", "crd", "kubectl", "namespace", "world"]


@pytest.fixture(scope="session", autouse=True)
def _programs() -> None:
    """Bring them before the first test that needs one (`make prometheus` has, as a rule)."""
    for name in programs.PROGRAMS:
        programs.found(name)
