"""The text of a scrape: written by prometheus_client, except for the credentials, of which there may be ten thousand.

prometheus_client takes a second and more to write 140,000 samples one by one. All of them are gauges with the same few
labels, which are written the same way in both formats; `tests/unit/record/test_scrape.py` compares.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder

from kite_operator.record.metrics import Metrics


class _WithoutCredentials(CollectorRegistry):
    """Everything except the credentials, with the interface that an encoder uses."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        for collector in self._metrics.registry.collectors:
            if collector is not self._metrics.credentials:
                yield from collector.collect()


def exposition(metrics: Metrics, accept: str) -> tuple[bytes, str]:
    """Return the body and its content type, in the format that the Accept header asks for."""
    encode, content_type = choose_encoder(accept)
    return "".join(_credentials(metrics)).encode() + encode(_WithoutCredentials(metrics)), content_type


def _credentials(metrics: Metrics) -> Iterator[str]:
    for name, text, samples in metrics.credentials.samples():
        yield f"# HELP {name} {text}\n# TYPE {name} gauge\n"
        yield from samples
