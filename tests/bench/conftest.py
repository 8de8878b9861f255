"""The benchmarks stand in the same world as the cluster tests."""

from cluster.conftest import administrator, broker, control_plane, crd, kubectl, namespace, world

__all__ = ["administrator", "broker", "control_plane", "crd", "kubectl", "namespace", "world"]
