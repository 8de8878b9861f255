"""Everything that touches the Kubernetes API, apart from Kopf's watches."""
