"""Writes what the operator knows of trading days: `make calendar`, and `make check` compares."""
