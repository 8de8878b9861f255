"""A real Kubernetes control plane on loopback for the demo, the tests and the benchmarks."""
