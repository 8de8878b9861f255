"""Client IDs of a namespace: the Namespace's annotation and the operator's setting together."""

import pytest

from kite_operator.cluster.api import namespaces_path
from kite_operator.cluster.client_ids import CACHE_SECONDS, CLIENT_IDS_ANNOTATION, ClientIDList
from kite_operator.model.errors import Forbidden
from kite_operator.model.reasons import Reason
from support.broker_fakes import FakeClock
from support.memory_cluster import MemoryCluster


def a_namespace(client_ids: str | None) -> MemoryCluster:
    cluster = MemoryCluster()
    annotations = {} if client_ids is None else {CLIENT_IDS_ANNOTATION: client_ids}
    cluster.put(namespaces_path("desk"), {"metadata": {"name": "desk", "annotations": annotations}})
    return cluster


@pytest.mark.parametrize(
    ("client_ids", "rule", "allowed"),
    [
        (None, "optional", True),
        (None, "required", False),
        (None, "off", True),
        ("AB1234", "optional", True),
        ("CD5678, AB1234", "required", True),
        ("CD5678\nAB1234\n", "optional", True),
        ("CD5678", "optional", False),
        ("AB12345", "optional", False),
        ("", "optional", False),
        ("CD5678", "off", True),
    ],
)
async def test_a_client_id_is_allowed(client_ids: str | None, rule: str, allowed: bool) -> None:  # noqa: FBT001 - a table
    problem = await ClientIDList(a_namespace(client_ids), FakeClock(), rule).problem("desk", "AB1234")
    assert allowed == (problem is None)


async def test_the_refusal_names_the_annotation_and_the_namespace() -> None:
    problem = await ClientIDList(a_namespace("CD5678"), FakeClock()).problem("desk", "AB1234")
    assert problem is not None
    assert Reason.CLIENT_NOT_ALLOWED is problem.reason
    assert "annotation kite-operator.dev/client-ids of Namespace 'desk'" in problem.message


async def test_a_namespace_that_may_not_be_read_allows_no_client_and_the_message_names_the_missing_right() -> None:
    cluster = a_namespace("AB1234")

    def forbid(verb: str, path: str) -> None:
        raise Forbidden(f"{verb} {path}", status=403)

    cluster.before = forbid
    problem = await ClientIDList(cluster, FakeClock()).problem("desk", "AB1234")
    assert problem is not None
    assert "get on namespaces" in problem.message


async def test_a_namespace_is_read_once_in_a_while_and_a_change_is_then_seen() -> None:
    cluster, clock = a_namespace("CD5678"), FakeClock()
    asked = ClientIDList(cluster, clock)
    for _ in range(3):
        await asked.problem("desk", "AB1234")
    assert [("GET", namespaces_path("desk"))] == cluster.journal
    annotations = {CLIENT_IDS_ANNOTATION: "AB1234"}
    cluster.put(namespaces_path("desk"), {"metadata": {"name": "desk", "annotations": annotations}})
    assert await asked.problem("desk", "AB1234") is not None
    await clock.sleep(CACHE_SECONDS)
    assert await asked.problem("desk", "AB1234") is None
