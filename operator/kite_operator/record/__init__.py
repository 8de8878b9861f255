"""Telling people and machines what was done: status, Events, metrics."""
