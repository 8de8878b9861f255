"""Fixtures for the whole test tree."""

pytest_plugins = ["support.sandbox"]
