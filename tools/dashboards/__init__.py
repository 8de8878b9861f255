"""The Grafana dashboards: written in Python, shipped as JSON under deploy/monitoring/grafana/dashboards."""
