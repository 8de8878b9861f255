"""Writes what in the chart is made from something else, so that each thing is said once: `make chart`."""
