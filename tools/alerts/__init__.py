"""The alert rules: one source, written as Prometheus rules, as a PrometheusRule, and as Grafana-managed alerts."""
