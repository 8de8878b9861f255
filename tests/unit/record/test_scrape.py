"""The text of a scrape equals that of prometheus_client, and is written in time for very many credentials."""

import time
from dataclasses import replace

import pytest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from kite_operator.model.resource import Key
from kite_operator.record.exposition import exposition
from kite_operator.record.metrics import Metrics
from support.crowd import crowd
from support.facts import NOON

PARSERS = {"text/plain": parse_text, OPENMETRICS: parse_openmetrics}
OF_THE_MOMENT = "process_"
"""Metrics that differ from one scrape to the next."""

Series = tuple[str, tuple[tuple[str, str], ...], str]


def exposed(metrics: Metrics, accept: str) -> dict[Series, str]:
    text = exposition(metrics, accept)[0].decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items())), family.type): f"{family.documentation} {sample.value}"
        for family in PARSERS[accept](text)  # type: ignore[no-untyped-call]  # upstream
        for sample in family.samples
        if not sample.name.startswith(OF_THE_MOMENT)
    }


def collected(metrics: Metrics) -> dict[Series, str]:
    return {
        (sample.name, tuple(sorted(sample.labels.items())), family.type): f"{family.documentation} {sample.value}"
        for family in metrics.registry.collect()
        for sample in family.samples
        if not sample.name.startswith(OF_THE_MOMENT)
    }


@pytest.mark.parametrize("number", [0, 3])
def test_openmetrics_has_the_samples_of_the_registry(number: int) -> None:
    metrics = crowd(number)
    assert collected(metrics) == exposed(metrics, OPENMETRICS)


@pytest.mark.parametrize("number", [0, 3])
def test_the_older_format_has_the_same_samples(number: int) -> None:
    metrics = crowd(number)
    assert {key[:2] for key in collected(metrics)} == {key[:2] for key in exposed(metrics, "text/plain")}


def test_a_label_is_escaped() -> None:
    metrics = crowd(1)
    snapshot = metrics.credentials.snapshots[Key("desk-0000", "desk-credential-00000")]
    metrics.credentials.snapshots[Key("desk", "odd")] = replace(snapshot, mode='a "quoted"\\\nmode')
    assert collected(metrics) == exposed(metrics, OPENMETRICS)


def test_both_formats_are_served_by_content_type() -> None:
    metrics = Metrics(lambda: NOON)
    assert "application/openmetrics-text" in exposition(metrics, "application/openmetrics-text; version=1.0.0")[1]
    assert exposition(metrics, "application/openmetrics-text; version=1.0.0")[0].endswith(b"# EOF\n")
    assert "text/plain" in exposition(metrics, "*/*")[1]


def test_two_thousand_credentials_take_a_fifth_of_what_ten_thousand_may() -> None:
    metrics = crowd(2_000)
    started = time.process_time()
    exposition(metrics, OPENMETRICS)
    assert time.process_time() - started < 0.2
