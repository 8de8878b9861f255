"""The watches go on while a full list is read: what they tell in the meantime is newer than the list."""

from kite_operator.desired import Change, Desired, DesiredCredential
from kite_operator.in_memory import InMemoryStates
from kite_operator.model.parse import parse_credential
from kite_operator.model.resource import CREDENTIAL_LABEL, ROLE_LABEL, Key
from support.facts import body

ALPHA, BETA = Key("desk", "alpha"), Key("desk", "beta")
ALPHA_BODY, BETA_BODY = body(), body(name="beta")


def grant(name: str) -> dict[str, object]:
    labels = {ROLE_LABEL: "grant", CREDENTIAL_LABEL: "alpha"}
    return {"namespace": "desk", "name": name, "resourceVersion": "5", "labels": labels}


def wish(of: dict[str, object]) -> DesiredCredential:
    return DesiredCredential.of(parse_credential(of))


def desired() -> Desired:
    made = Desired(InMemoryStates())
    made.credential("ADDED", ALPHA_BODY)
    made.begin_list()
    return made


def test_one_that_was_made_after_the_list_began_is_not_taken_as_gone() -> None:
    made = desired()
    made.credential("ADDED", BETA_BODY)
    assert Change() == made.replace_all([wish(ALPHA_BODY)], [])
    assert 2 == len(made)


def test_one_that_was_deleted_after_the_list_began_does_not_come_back() -> None:
    made = desired()
    made.credential("DELETED", ALPHA_BODY)
    assert Change() == made.replace_all([wish(ALPHA_BODY)], [])
    assert 0 == len(made)


def test_an_edit_after_the_list_began_is_not_undone_by_it() -> None:
    made = desired()
    edited = body()
    edited["spec"]["target"]["name"] = "elsewhere"
    edited["metadata"]["generation"] = 2
    made.credential("MODIFIED", edited)
    assert Change() == made.replace_all([wish(ALPHA_BODY)], [])
    made.credential("ADDED", BETA_BODY | {"spec": BETA_BODY["spec"] | {"target": {"name": "elsewhere"}}})
    assert wish(edited).ref == made.hints(BETA).rival


def test_a_persons_login_that_arrived_after_the_list_began_is_not_forgotten() -> None:
    made = desired()
    assert Change(changed=(ALPHA,)) == made.secret("ADDED", grant("login-1"))
    made.replace_all([wish(ALPHA_BODY)], [])
    assert frozenset({"login-1"}) == made.hints(ALPHA).grants


def test_a_login_that_was_used_after_the_list_began_does_not_come_back() -> None:
    made = desired()
    made.secret("ADDED", grant("login-1"))
    made.secret("DELETED", grant("login-1"))
    assert Change() == made.replace_all([wish(ALPHA_BODY)], [(ALPHA, "login-1")])
    assert frozenset() == made.hints(ALPHA).grants


def test_the_next_list_is_believed_again() -> None:
    made = desired()
    made.credential("ADDED", BETA_BODY)
    made.replace_all([wish(ALPHA_BODY)], [])
    made.begin_list()
    assert [BETA] == [key for key, _ in made.replace_all([wish(ALPHA_BODY)], []).gone]
