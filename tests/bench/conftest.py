"""The benchmarks stand in the same world as the cluster tests."""

from cluster.conftest import control_plane, crd, kubectl, namespace, world

__all__ = ["control_plane", "crd", "kubectl", "namespace", "world"]
