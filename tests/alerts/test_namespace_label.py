"""What a real Prometheus does with the label `namespace`, which it sets itself on what it finds in Kubernetes."""

import http.server
from collections.abc import Iterator

import pytest
import yaml

from alerts.__main__ import MONITORING
from kite_operator.record.exposition import exposition
from support.answering import answering
from support.crowd import crowd
from support.prometheus import Program, prometheus, until


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Twelve credentials in two namespaces, scraped with and without honor_labels as a pod's are."""
    metrics = crowd(12)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, content_type = exposition(metrics, self.headers.get("Accept", ""))
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with answering(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        target = {"targets": [f"127.0.0.1:{server.server_port}"], "labels": {"namespace": "kite-operator"}}
        jobs = [
            {"job_name": name, "honor_labels": honor, "scrape_interval": "1s", "static_configs": [target]}
            for name, honor in (("honoring", True), ("renaming", False))
        ]
        with prometheus(tmp_path_factory.mktemp("namespace") / "prometheus", {"scrape_configs": jobs}) as program:
            until(lambda: len(program.query("kite_operator_build_info")) == 2, lambda: "both scrapes", 20)
            yield program


def namespaces(program: Program, expr: str) -> set[tuple[str, str]]:
    return {(each.get("namespace", ""), each.get("exported_namespace", "")) for each, _ in program.query(expr)}


def test_with_honor_labels_a_credential_keeps_its_namespace(scraped: Program) -> None:
    expected = {("desk-0000", ""), ("desk-0001", "")}
    assert expected == namespaces(scraped, 'kite_credential_ready{job="honoring"}')


def test_without_it_is_renamed_and_the_operator_s_stands_in_its_place(scraped: Program) -> None:
    expected = {("kite-operator", "desk-0000"), ("kite-operator", "desk-0001")}
    assert expected == namespaces(scraped, 'kite_credential_ready{job="renaming"}')


@pytest.mark.parametrize("job", ["honoring", "renaming"])
def test_the_process_s_own_series_have_the_operator_s_either_way(scraped: Program, job: str) -> None:
    expr = f'kite_operator_build_info{{job="{job}"}} or process_resident_memory_bytes{{job="{job}"}}'
    assert {("kite-operator", "")} == namespaces(scraped, expr)


def test_it_takes_the_newer_format(scraped: Program) -> None:
    # A counter is of type counter under its name without _total only where OpenMetrics was spoken.
    found = scraped.get("/api/v1/metadata", metric="kite_operator_deadline_misses")["data"]
    assert "counter" == found["kite_operator_deadline_misses"][0]["type"]


@pytest.mark.parametrize(
    ("file", "key"),
    [("prometheus/prometheus.yaml", "honor_labels: true"), ("prometheus-operator/servicemonitor.yaml", "honorLabels")],
)
def test_both_examples_honor_labels(file: str, key: str) -> None:
    text = (MONITORING / file).read_text()
    assert key in text
    assert list(yaml.safe_load_all(text))
