"""Runs tests as if the machine had another date: `make test-dates`."""
