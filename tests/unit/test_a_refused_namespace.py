"""A namespace that may not be listed stops none of the others, and what is known of it is kept."""

from collections.abc import AsyncIterator, Iterable

import pytest

from kite_operator.cluster.api import Manifest
from kite_operator.desired import Change, Desired
from kite_operator.in_memory import InMemoryStates
from kite_operator.model.errors import Forbidden
from kite_operator.model.resource import CREDENTIAL_LABEL, ROLE_LABEL, Key
from kite_operator.resync import Resync
from support.facts import body
from support.log_lines import lines
from support.memory_cluster import MemoryCluster

ALPHA, BETA = Key("desk", "alpha"), Key("closed", "beta")


class Listing(MemoryCluster):
    """Lists one credential and one grant in each namespace, but where it is refused."""

    def __init__(self, refused: Iterable[str] = ()) -> None:
        super().__init__()
        self.refused = set(refused)

    async def list(self, path: str, *, selector: str = "") -> AsyncIterator[Manifest]:
        namespace = path.split("/namespaces/")[1].split("/", maxsplit=1)[0]
        if namespace in self.refused:
            raise Forbidden(f"GET {path}", status=403)
        name = "alpha" if namespace == "desk" else "beta"
        if selector:
            labels = {ROLE_LABEL: "grant", CREDENTIAL_LABEL: name}
            yield {"metadata": {"namespace": namespace, "name": "login-1", "labels": labels}}
        else:
            made = body(name=name)
            made["metadata"]["namespace"] = namespace
            yield made


def lists_of(cluster: Listing) -> tuple[Resync, Desired]:
    desired = Desired(InMemoryStates())
    return Resync(cluster, desired, ("desk", "closed")), desired


async def test_the_others_are_known_from_the_first_list_on() -> None:
    lists, desired = lists_of(Listing({"closed"}))
    assert Change(new=(ALPHA,), changed=(ALPHA,)) == await lists.list_all()
    assert ([ALPHA], frozenset({"closed"})) == (list(desired), lists.refused)


async def test_what_was_known_of_it_is_kept_and_not_taken_as_gone() -> None:
    cluster = Listing()
    lists, desired = lists_of(cluster)
    await lists.list_all()
    cluster.refused.add("closed")
    assert Change() == await lists.list_all()
    assert {ALPHA, BETA} == set(desired)
    assert frozenset({"login-1"}) == desired.hints(BETA).grants


async def test_it_is_told_once_and_told_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    cluster = Listing({"closed"})
    lists, desired = lists_of(cluster)
    await lists.list_all()
    await lists.list_all()
    assert ["namespace not served: the API server refuses to list it namespace=closed"] == lines(caplog.records)
    cluster.refused.clear()
    assert BETA in (await lists.list_all()).new
    assert "namespace served again namespace=closed" == lines(caplog.records)[-1]
    assert (2, frozenset()) == (len(desired), lists.refused)


async def test_where_all_are_refused_nothing_is_known_and_nothing_is_forgotten() -> None:
    cluster = Listing()
    lists, desired = lists_of(cluster)
    await lists.list_all()
    cluster.refused |= {"desk", "closed"}
    with pytest.raises(Forbidden):
        await lists.list_all()
    assert (2, frozenset()) == (len(desired), lists.refused)
