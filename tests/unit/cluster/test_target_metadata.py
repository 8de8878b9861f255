"""Metadata of the derived Secret: ours, the user's and other clients'; outdated metadata and drift."""

from dataclasses import replace
from typing import Any

import pytest

from kite_operator.cluster.api import Manifest
from kite_operator.cluster.target import MANAGED_ANNOTATION, REPLACED_ANNOTATION, mark_dead, publish, view_target
from kite_operator.decide.observed import TargetView
from kite_operator.model.resource import CREDENTIAL_LABEL, RETAIN, ROLE_LABEL, Credential, Status, Target
from support.facts import NOON, credential, session
from support.memory_cluster import MemoryCluster

SESSION = session(NOON)


def who(**changes: Any) -> Credential:
    return credential(target=Target("alpha-kite-token", **changes))


PLAIN = who()
DRESSED = who(labels={"desk": "a", "team": "x"}, annotations={"note": "one"})


async def written(*steps: Credential, meddle: Any = None) -> Manifest:
    """Return the Secret after it was published for each of these credentials in turn."""
    cluster, secret = MemoryCluster(), None
    for step in steps:
        secret = await publish(cluster, step, secret, SESSION)
        if meddle is not None:
            meddle(secret)
    assert secret is not None
    return secret


def view_of(secret: Manifest | None, of: Credential) -> TargetView:
    return view_target(secret, of, SESSION)


async def test_metadata_that_leaves_the_spec_leaves_the_secret() -> None:
    metadata = (await written(DRESSED, who(labels={"team": "y"})))["metadata"]
    assert {"team": "y"} == {key: value for key, value in metadata["labels"].items() if "/" not in key}
    assert "note" not in metadata["annotations"]


async def test_metadata_that_other_clients_added_stays() -> None:
    def meddle(secret: Manifest) -> None:
        secret["metadata"]["labels"]["theirs"] = "1"
        secret["metadata"]["annotations"]["theirs"] = "2"

    metadata = (await written(DRESSED, PLAIN, meddle=meddle))["metadata"]
    assert ("1", "2") == (metadata["labels"]["theirs"], metadata["annotations"]["theirs"])


async def test_a_forged_record_takes_none_of_our_own_labels_away() -> None:
    def meddle(secret: Manifest) -> None:
        forged = f'{{"labels": ["{ROLE_LABEL}", "{CREDENTIAL_LABEL}"], "annotations": [], "version": ""}}'
        secret["metadata"]["annotations"][MANAGED_ANNOTATION] = forged

    labels = (await written(PLAIN, PLAIN, meddle=meddle))["metadata"]["labels"]
    assert ("target", "alpha") == (labels[ROLE_LABEL], labels[CREDENTIAL_LABEL])


@pytest.mark.parametrize(
    "edited",
    [
        who(labels={"desk": "b"}),
        who(annotations={"note": "two"}),
        who(formats=("env",)),
        who(deletion_policy=RETAIN),
    ],
)
async def test_an_edit_makes_the_secret_outdated(edited: Credential) -> None:
    secret = await written(PLAIN)
    assert (True, False) == (view_of(secret, PLAIN).matches, view_of(secret, PLAIN).outdated)
    assert (False, True) == (view_of(secret, edited).matches, view_of(secret, edited).outdated)


@pytest.mark.parametrize("key", ["labels", "annotations", "ownerReferences"])
async def test_metadata_that_another_client_removed_is_no_edit(key: str) -> None:
    secret = await written(who(labels={"desk": "a"}))
    stripped = {**secret, "metadata": {**secret["metadata"], key: {} if key != "ownerReferences" else []}}
    if key == "labels":
        stripped["metadata"][key] = {ROLE_LABEL: "target", CREDENTIAL_LABEL: "alpha"}
    view = view_of(stripped, who(labels={"desk": "a"}))
    assert (False, False) == (view.matches, view.outdated)


async def test_a_retained_secret_has_no_owner_and_an_owner_that_another_client_adds_is_drift() -> None:
    retained = who(deletion_policy=RETAIN)
    secret = await written(retained)
    assert [] == secret["metadata"]["ownerReferences"]
    assert view_of(secret, retained).matches
    secret["metadata"]["ownerReferences"] = [{"uid": "somebody"}]
    assert not view_of(secret, retained).matches


async def test_a_missing_secret_is_outdated_only_when_another_was_the_target() -> None:
    before = Status(secret_name="before")
    assert not view_of(None, PLAIN).outdated
    assert not view_of(None, replace(PLAIN, status=Status(secret_name="alpha-kite-token"))).outdated
    assert view_of(None, replace(PLAIN, status=before)).outdated


async def test_a_replaced_secret_that_is_the_target_again_is_written_again() -> None:
    secret = await written(PLAIN)
    secret["metadata"]["annotations"][REPLACED_ANNOTATION] = "another"
    assert not view_of(secret, PLAIN).matches
    again = await publish(_holding(secret), PLAIN, secret, SESSION)
    assert REPLACED_ANNOTATION not in again["metadata"]["annotations"]


async def test_a_dead_secret_follows_the_spec_and_stays_dead() -> None:
    secret = await written(PLAIN)
    retained = who(deletion_policy=RETAIN, formats=("json",))
    cluster = _holding(secret)
    await mark_dead(cluster, retained, secret, SESSION)
    [marked] = cluster.objects.values()
    view = view_of(marked, retained)
    assert (True, True, False) == (view.matches, view.marked_dead, view.outdated)


def _holding(secret: Manifest) -> MemoryCluster:
    cluster = MemoryCluster()
    cluster.objects["/api/v1/namespaces/desk/secrets/alpha-kite-token"] = secret
    return cluster
