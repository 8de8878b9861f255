"""The alerts are tried with real programs: promtool here, and a whole Prometheus beside the cluster tests' world."""

from pathlib import Path

from alerts import programs
from cluster.conftest import control_plane, crd, kubectl, namespace, world

__all__ = ["control_plane", "crd", "kubectl", "namespace", "world"]


def pytest_sessionstart() -> None:
    """Bring the programs before the first test, which has only so much time."""
    for name in programs.PROGRAMS:
        assert Path(programs.found(name)).exists()
