"""Desired state: the credentials to reconcile because of each change."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from kite_operator.cluster.gather import Hints
from kite_operator.desired import Change, Desired, DesiredCredential
from kite_operator.in_memory import InMemoryStates
from kite_operator.model.parse import parse_credential
from kite_operator.model.resource import CREDENTIAL_LABEL, ROLE_LABEL, Key
from support.facts import body

ALPHA, BETA = Key("desk", "alpha"), Key("desk", "beta")


def changed(of: Mapping[str, Any], uid: str | None = None, **spec: Any) -> dict[str, Any]:
    """Return the same KiteCredential after an edit: another generation."""
    other = copy.deepcopy(dict(of))
    other["spec"] |= spec
    other["metadata"]["generation"] += 1
    other["metadata"]["uid"] = uid or other["metadata"]["uid"]
    return other


def secret(role: str, name: str, credential: str = "alpha", version: str = "5") -> dict[str, Any]:
    labels = {ROLE_LABEL: role, CREDENTIAL_LABEL: credential}
    return {"namespace": "desk", "name": name, "resourceVersion": version, "labels": labels}


def desired(*bodies: Mapping[str, Any], in_memory: InMemoryStates | None = None) -> Desired:
    made = Desired(in_memory or InMemoryStates())
    for each in bodies:
        made.credential("ADDED", each)
    return made


def parsed(of: Mapping[str, Any]) -> DesiredCredential:
    return DesiredCredential.of(parse_credential(of))


ALPHA_BODY, BETA_BODY = body(), body(name="beta")


def test_a_credential_that_is_seen_first_is_new() -> None:
    assert Change(new=(ALPHA,)) == desired().credential(None, ALPHA_BODY)


def test_a_credential_that_a_user_edits_has_changed() -> None:
    assert Change(changed=(ALPHA,)) == desired(ALPHA_BODY).credential("MODIFIED", changed(ALPHA_BODY, suspend=True))


def of_class(name: str, of: Mapping[str, Any] = ALPHA_BODY) -> dict[str, Any]:
    return changed(of, className=name)


def test_a_credential_of_another_class_is_never_reconciled() -> None:
    assert Change() == desired().credential("ADDED", of_class("desk"))
    assert Change() == desired().replace_all([parsed(of_class("desk"))], [])


def test_an_operator_with_a_class_reconciles_only_its_own() -> None:
    made = Desired(InMemoryStates(), class_name="desk")
    assert Change() == made.credential("ADDED", ALPHA_BODY)
    assert Change(new=(ALPHA,)) == made.credential("MODIFIED", of_class("desk"))


def test_a_credential_that_is_handed_over_does_not_count_as_deleted() -> None:
    assert Change(handed_over=(ALPHA,)) == desired(ALPHA_BODY).credential("MODIFIED", of_class("desk"))
    assert Change(handed_over=(ALPHA,)) == desired(ALPHA_BODY).replace_all([parsed(of_class("desk"))], [])


def test_a_credential_of_another_class_is_no_rival_for_a_target() -> None:
    made = desired(ALPHA_BODY)
    made.credential("ADDED", of_class("desk", changed(BETA_BODY, target={"name": "alpha-kite-token"})))
    assert Hints() == made.hints(ALPHA)


def test_an_annotation_of_ours_is_a_change_without_a_generation() -> None:
    asked = copy.deepcopy(ALPHA_BODY)
    asked["metadata"]["annotations"] = {"kite-operator.dev/refresh": "r1"}
    assert Change(changed=(ALPHA,)) == desired(ALPHA_BODY).credential("MODIFIED", asked)


def test_our_own_status_requeues_nothing() -> None:
    written = ALPHA_BODY | {"status": {"userID": "AB1234"}}
    written["metadata"] = ALPHA_BODY["metadata"] | {"resourceVersion": "11"}
    assert Change() == desired(ALPHA_BODY).credential("MODIFIED", written)


def test_a_credential_that_is_deleted_is_gone() -> None:
    made = desired(ALPHA_BODY)
    assert Change(gone=((ALPHA, parsed(ALPHA_BODY)),)) == made.credential("DELETED", ALPHA_BODY)
    assert 0 == len(made)
    assert Change() == made.credential("DELETED", ALPHA_BODY)


def test_a_late_deletion_of_a_predecessor_does_not_delete_its_successor() -> None:
    successor = changed(ALPHA_BODY, uid="uid-next")
    made = desired(ALPHA_BODY)
    assert Change(new=(ALPHA,), gone=((ALPHA, parsed(ALPHA_BODY)),)) == made.credential("ADDED", successor)
    assert Change() == made.credential("DELETED", ALPHA_BODY)
    assert 1 == len(made)


def test_a_namespace_that_is_not_ours_is_not_reconciled() -> None:
    made = Desired(InMemoryStates(), lambda namespace: namespace != "desk")
    assert Change() == made.credential("ADDED", ALPHA_BODY)
    assert Change() == made.replace_all([parsed(ALPHA_BODY)], [])
    assert 0 == len(made)


def test_a_source_secret_requeues_every_credential_that_reads_it() -> None:
    shared = changed(BETA_BODY, appSecretRef={"name": "alpha-app"})
    made = desired(ALPHA_BODY, shared)
    assert {ALPHA, BETA} == set(made.secret("MODIFIED", secret("source", "alpha-app")).changed)
    assert (ALPHA,) == made.secret("MODIFIED", secret("source", "alpha-login")).changed
    assert Change() == made.secret("MODIFIED", secret("source", "beta-app"))


def test_an_edit_that_names_another_source_is_followed() -> None:
    made = desired(ALPHA_BODY)
    made.credential("MODIFIED", changed(ALPHA_BODY, appSecretRef={"name": "new-app"}))
    assert Change() == made.secret("MODIFIED", secret("source", "alpha-app"))
    assert (ALPHA,) == made.secret("MODIFIED", secret("source", "new-app")).changed


def test_drift_of_a_target_requeues_its_owner_and_our_own_write_does_not() -> None:
    in_memory = InMemoryStates()
    made = desired(ALPHA_BODY, in_memory=in_memory)
    in_memory.of(ALPHA).target_version = "5"
    assert Change() == made.secret("MODIFIED", secret("target", "alpha-kite-token", version="5"))
    assert (ALPHA,) == made.secret("MODIFIED", secret("target", "alpha-kite-token", version="6")).changed
    assert (ALPHA,) == made.secret("DELETED", secret("target", "alpha-kite-token", version="5")).changed
    assert Change() == made.secret(None, secret("target", "alpha-kite-token", version="6"))


def test_a_previous_target_is_known_until_it_is_deleted() -> None:
    made = desired(ALPHA_BODY)
    made.credential("MODIFIED", changed(ALPHA_BODY, target={"name": "renamed"}))
    assert frozenset({"alpha-kite-token"}) == made.hints(ALPHA).previous_targets
    assert Change() == made.secret("MODIFIED", secret("target", "alpha-kite-token"))
    assert Change() == made.secret("DELETED", secret("target", "alpha-kite-token"))
    assert frozenset() == made.hints(ALPHA).previous_targets


def test_a_previous_target_is_found_by_its_labels_after_a_restart() -> None:
    made = desired(ALPHA_BODY)
    assert (ALPHA,) == made.secret(None, secret("target", "of-before")).changed
    assert Change() == made.secret(None, secret("target", "of-nobody", credential="gone"))
    assert frozenset({"of-before"}) == made.hints(ALPHA).previous_targets


def test_a_target_that_is_named_again_is_no_previous_target() -> None:
    made = desired(ALPHA_BODY)
    made.credential("MODIFIED", changed(ALPHA_BODY, target={"name": "renamed"}))
    made.credential("MODIFIED", ALPHA_BODY)
    assert frozenset({"renamed"}) == made.hints(ALPHA).previous_targets
    made.credential("DELETED", ALPHA_BODY)
    assert frozenset() == made.hints(ALPHA).previous_targets


def test_a_grant_requeues_its_credential_once() -> None:
    made = desired(ALPHA_BODY)
    assert (ALPHA,) == made.secret("ADDED", secret("grant", "grant-1")).changed
    assert Change() == made.secret("MODIFIED", secret("grant", "grant-1"))
    assert frozenset({"grant-1"}) == made.hints(ALPHA).grants
    assert Change() == made.secret("DELETED", secret("grant", "grant-1"))
    assert frozenset() == made.hints(ALPHA).grants


def test_a_grant_that_came_before_its_credential_is_known_to_it() -> None:
    made = desired()
    assert Change() == made.secret("ADDED", secret("grant", "grant-1"))
    made.credential("ADDED", ALPHA_BODY)
    assert frozenset({"grant-1"}) == made.hints(ALPHA).grants


def test_secrets_of_other_roles_requeue_nothing() -> None:
    made = desired(ALPHA_BODY)
    assert Change() == made.secret("MODIFIED", secret("state", "alpha-kite-state"))
    assert Change() == made.secret("MODIFIED", {"namespace": "desk", "name": "alpha-app", "labels": None})


def test_of_two_credentials_with_one_target_the_older_comes_first() -> None:
    younger = changed(BETA_BODY, target={"name": "alpha-kite-token"})
    younger["metadata"]["creationTimestamp"] = "2026-03-01T00:00:01Z"
    made = desired(younger, ALPHA_BODY)
    assert (None, parsed(ALPHA_BODY).ref) == (made.hints(ALPHA).rival, made.hints(BETA).rival)
    assert (BETA,) == made.credential("DELETED", ALPHA_BODY).changed
    assert made.hints(BETA).rival is None


def test_of_two_credentials_of_the_same_second_the_name_decides() -> None:
    made = desired(changed(BETA_BODY, target={"name": "alpha-kite-token"}), ALPHA_BODY)
    assert parsed(ALPHA_BODY).ref == made.hints(BETA).rival
    assert made.hints(Key("desk", "unknown")).rival is None


def test_a_sweep_finds_what_the_watch_missed() -> None:
    made = desired(ALPHA_BODY)
    edited = changed(ALPHA_BODY, suspend=True)
    change = made.replace_all([parsed(edited), parsed(BETA_BODY)], [(BETA, "grant-1")])
    assert Change(new=(BETA,), changed=(ALPHA, BETA)) == change
    assert Change() == made.replace_all([parsed(edited), parsed(BETA_BODY)], [(BETA, "grant-1")])


def test_a_credential_that_a_sweep_does_not_find_is_gone_and_its_rivals_are_requeued() -> None:
    rival = changed(BETA_BODY, target={"name": "alpha-kite-token"})
    made = desired(ALPHA_BODY, rival)
    assert Change(changed=(BETA,), gone=((ALPHA, parsed(ALPHA_BODY)),)) == made.replace_all([parsed(rival)], [])


def test_a_sweep_reports_a_predecessor_that_was_replaced_unseen() -> None:
    successor = changed(ALPHA_BODY, uid="uid-next")
    change = desired(ALPHA_BODY).replace_all([parsed(successor)], [])
    assert Change(new=(ALPHA,), gone=((ALPHA, parsed(ALPHA_BODY)),)) == change


def test_a_sweep_forgets_grants_that_are_used_up() -> None:
    made = desired(ALPHA_BODY)
    made.secret("ADDED", secret("grant", "grant-1"))
    made.replace_all([parsed(ALPHA_BODY)], [])
    assert frozenset() == made.hints(ALPHA).grants


class IndexMachine(RuleBasedStateMachine):
    """State machine: after any changes the index equals a fresh one of the same credentials."""

    def __init__(self) -> None:
        super().__init__()
        self.made = Desired(InMemoryStates())
        self.truth: dict[Key, dict[str, Any]] = {}
        self.generation = 1

    def drawn(self, name: str, target: str, source: str) -> dict[str, Any]:
        self.generation += 1
        made = changed(body(name=name), target={"name": target}, appSecretRef={"name": source})
        made["metadata"]["generation"] = self.generation
        return made

    names = st.sampled_from(["alpha", "beta", "gamma"])
    targets = st.sampled_from(["t1", "t2"])
    sources = st.sampled_from(["s1", "s2"])

    @rule(name=names, wanted=targets, source=sources)
    def put(self, name: str, wanted: str, source: str) -> None:
        self.truth[Key("desk", name)] = self.drawn(name, wanted, source)
        self.made.credential("MODIFIED", self.truth[Key("desk", name)])

    @rule(name=names)
    def delete(self, name: str) -> None:
        gone = self.truth.pop(Key("desk", name), None)
        self.made.credential("DELETED", gone or body(name=name))

    @rule(names=st.sets(names), wanted=targets, source=sources)
    def sweep(self, names: set[str], wanted: str, source: str) -> None:
        self.truth = {Key("desk", name): self.drawn(name, wanted, source) for name in names}
        self.made.replace_all([parsed(each) for each in self.truth.values()], [])

    @invariant()
    def the_index_is_consistent(self) -> None:
        fresh = desired(*self.truth.values())
        assert fresh._credentials == self.made._credentials
        assert fresh._by_target == self.made._by_target
        assert fresh._by_source == self.made._by_source
        assert [self.hints(fresh, key) for key in self.truth] == [self.hints(self.made, key) for key in self.truth]

    def hints(self, of: Desired, key: Key) -> Hints:
        """Return hints without previous targets: a fresh index has no renamings."""
        return replace(of.hints(key), previous_targets=frozenset())


IndexMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
TestIndex = IndexMachine.TestCase
