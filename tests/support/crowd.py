"""The metrics of many credentials, without a cluster: as many snapshots as asked for, each with a token of today."""

from datetime import datetime

from kite_operator.model.parse import parse_credential
from kite_operator.record.metrics import Metrics
from kite_operator.record.status import derive
from support.facts import NOON, alive, body, ist, observed, published, waited


def crowd(number: int, now: datetime = NOON) -> Metrics:
    """Metrics that remember `number` credentials, ten to a namespace."""
    metrics = Metrics(lambda: now)
    held, probes = published(ist("07:40")), alive(now)
    for each in range(number):
        manifest = body(name=f"desk-credential-{each:05}")
        manifest["metadata"]["namespace"] = f"desk-{each // 10:04}"
        facts = observed(now, credential=parse_credential(manifest), held=held, probes=probes)
        plan = waited(facts)
        metrics.remember(facts, derive(facts, plan), plan, needed=False)
    return metrics
