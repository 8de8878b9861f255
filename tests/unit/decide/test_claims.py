"""Who may act for a client ID: the holder of the claim, and its successor of the same name."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kite_operator.decide.claims import claim, prove, unclaim
from kite_operator.model.account import AccountRecord, Claim, Ref
from kite_operator.model.errors import ReservationRefused
from kite_operator.model.reasons import Reason
from support.facts import CLIENT_ID, NOON, OTHER, REF

EMPTY = AccountRecord(CLIENT_ID)
LATER = NOON + timedelta(hours=1)
SUCCESSOR = replace(REF, uid="uid-of-the-next")


def test_the_first_one_holds_the_claim_unproven() -> None:
    assert (Claim("app", REF, proven=False, since=NOON),) == claim(EMPTY, "app", REF, NOON).claims


def test_another_credential_is_refused_and_told_who_holds_it() -> None:
    with pytest.raises(ReservationRefused, match="desk/alpha") as caught:
        claim(claim(EMPTY, "app", REF, NOON), "app", OTHER, LATER)
    assert Reason.CONFLICT is caught.value.reason


def test_another_app_of_the_same_client_is_free() -> None:
    record = claim(claim(EMPTY, "app", REF, NOON), "other-app", OTHER, LATER)
    assert {"app": REF, "other-app": OTHER} == {each.app: each.holder for each in record.claims}


def test_a_successor_of_the_same_name_inherits_what_was_proven() -> None:
    record = prove(claim(EMPTY, "app", REF, NOON), "app", REF)
    assert (Claim("app", SUCCESSOR, proven=True, since=NOON),) == claim(record, "app", SUCCESSOR, LATER).claims


def test_the_claim_of_a_holder_that_is_gone_is_taken_over_unproven() -> None:
    record = prove(claim(EMPTY, "app", REF, NOON), "app", REF)
    assert (Claim("app", OTHER, proven=False, since=LATER),) == claim(record, "app", OTHER, LATER, gone=REF).claims


def test_one_that_is_gone_and_made_again_still_holds_it() -> None:
    record = claim(EMPTY, "app", SUCCESSOR, NOON)
    with pytest.raises(ReservationRefused):
        claim(record, "app", OTHER, LATER, gone=REF)


def test_with_a_new_app_the_former_is_given_back() -> None:
    record = claim(claim(EMPTY, "app", REF, NOON), "new-app", REF, LATER)
    assert ["new-app"] == [each.app for each in record.claims]


@pytest.mark.parametrize("by", [OTHER, Ref("elsewhere", "alpha", "uid-alpha")])
def test_only_the_holder_proves_its_claim(by: Ref) -> None:
    record = claim(EMPTY, "app", REF, NOON)
    assert record == prove(record, "app", by)
    assert record == prove(record, "other-app", REF)


def test_what_is_proven_is_proven_once() -> None:
    record = prove(claim(EMPTY, "app", REF, NOON), "app", REF)
    assert record == prove(record, "app", REF)


def test_a_deleted_credential_gives_its_claims_back_and_nobody_elses() -> None:
    record = claim(claim(EMPTY, "app", REF, NOON), "other-app", OTHER, NOON)
    assert [OTHER] == [each.holder for each in unclaim(record, REF).claims]
    assert record == unclaim(record, SUCCESSOR)
