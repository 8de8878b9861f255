"""The Kite operator: keeps a Kite Connect session alive for trading pods on Kubernetes."""

__version__ = "0.1.0"
