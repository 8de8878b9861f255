"""Carries out one decision: the broker is called, the cluster is written; nothing is decided here."""
