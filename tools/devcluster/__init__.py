"""A real Kubernetes control plane on loopback for the demo, the tests and the benchmarks."""

from devcluster.controlplane import ControlPlane, Options
from devcluster.errors import DevclusterError

__all__ = ["ControlPlane", "DevclusterError", "Options"]
