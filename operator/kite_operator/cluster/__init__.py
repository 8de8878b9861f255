"""Access to the Kubernetes API, apart from Kopf's watches."""
