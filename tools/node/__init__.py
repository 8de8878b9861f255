"""A real cluster on one machine: devcluster's control plane, and nodes that run pods, for the end-to-end test."""

from node.cluster import Cluster
from node.machine import MachineLacks
from node.member import Node

__all__ = ["Cluster", "MachineLacks", "Node"]
