"""Claims on a client ID: proven before unproven, then the older one; a successor of the same name inherits."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kite_operator.decide.claims import MOST_UNPROVEN, Claimant, Holder, claim, may_hold, prove, unclaim
from kite_operator.model.account import AttemptLedger, Claim, Ref
from kite_operator.model.errors import ReservationRefused
from kite_operator.model.reasons import Reason
from support.facts import CLIENT_ID, NOON, OTHER, REF

EMPTY = AttemptLedger(CLIENT_ID)
LATER = NOON + timedelta(hours=1)
SUCCESSOR = replace(REF, uid="uid-of-the-next")
EARLY, LATE = "2026-03-01T00:00:00Z", "2026-03-01T00:00:01Z"
ALPHA, BETA = Claimant(REF, EARLY), Claimant(OTHER, LATE)


def held_by(ref: Ref, *, proven: bool = False) -> AttemptLedger:
    return replace(EMPTY, claims=(Claim("app", ref, proven, NOON),))


def test_the_first_one_holds_the_claim_unproven() -> None:
    assert (Claim("app", REF, proven=False, since=NOON),) == claim(EMPTY, "app", ALPHA, NOON).claims


def test_another_credential_is_refused_and_the_message_names_the_holder() -> None:
    with pytest.raises(ReservationRefused, match="desk/alpha") as caught:
        claim(claim(EMPTY, "app", ALPHA, NOON), "app", BETA, LATER)
    assert Reason.CONFLICT is caught.value.reason


def test_another_app_of_the_same_client_is_free() -> None:
    ledger = claim(claim(EMPTY, "app", ALPHA, NOON), "other-app", BETA, LATER)
    assert {"app": REF, "other-app": OTHER} == {each.app: each.holder for each in ledger.claims}


def test_a_successor_of_the_same_name_inherits_what_was_proven() -> None:
    ledger = claim(held_by(REF, proven=True), "app", Claimant(SUCCESSOR, LATE), LATER)
    assert (Claim("app", SUCCESSOR, proven=True, since=NOON),) == ledger.claims


def test_the_claim_of_a_holder_that_is_gone_passes_on_unproven() -> None:
    ledger = claim(held_by(REF, proven=True), "app", BETA, LATER, holder=Holder(REF, gone=True))
    assert (Claim("app", OTHER, proven=False, since=LATER),) == ledger.claims


def test_a_deleted_and_re_created_credential_still_holds_it() -> None:
    with pytest.raises(ReservationRefused):
        claim(held_by(SUCCESSOR), "app", BETA, LATER, holder=Holder(REF, gone=True))


@pytest.mark.parametrize(
    ("by", "holder", "proven", "free"),
    [
        pytest.param(BETA, Holder(REF, EARLY), False, False, id="the younger of two unproven waits"),
        pytest.param(ALPHA, Holder(OTHER, LATE), False, True, id="the older of two unproven comes first"),
        pytest.param(Claimant(REF, EARLY), Holder(OTHER, EARLY), False, True, id="of the same second: by name"),
        pytest.param(Claimant(OTHER, EARLY), Holder(REF, EARLY), False, False, id="of the same second: not both"),
        pytest.param(ALPHA, Holder(OTHER), False, False, id="a holder of unknown age keeps it"),
        pytest.param(replace(BETA, proven=True), Holder(REF, EARLY), False, True, id="proven beats unproven"),
        pytest.param(replace(BETA, proven=True), None, False, True, id="proven beats one that was not looked at"),
        pytest.param(replace(ALPHA, proven=True), Holder(OTHER, LATE), True, False, id="nobody beats proven"),
        pytest.param(ALPHA, Holder(SUCCESSOR, LATE), False, False, id="what was seen is of another holder"),
    ],
)
def test_a_claimant_may_take_a_claim(by: Claimant, holder: Holder | None, proven: bool, free: bool) -> None:  # noqa: FBT001 - a table
    other = OTHER if by.ref == REF else REF
    assert free == may_hold(held_by(other, proven=proven), "app", by, holder)


def test_a_claim_taken_from_an_unproven_holder_is_unproven_at_first() -> None:
    ledger = claim(held_by(OTHER), "app", ALPHA, LATER, holder=Holder(OTHER, LATE))
    assert (Claim("app", REF, proven=False, since=LATER),) == ledger.claims


def test_with_a_new_app_the_claim_on_the_previous_one_is_released() -> None:
    ledger = claim(claim(EMPTY, "app", ALPHA, NOON), "new-app", ALPHA, LATER)
    assert ["new-app"] == [each.app for each in ledger.claims]


def test_a_holder_that_proves_the_account_keeps_the_claim_and_its_age() -> None:
    assert (Claim("app", REF, proven=True, since=NOON),) == prove(held_by(REF), "app", REF, LATER).claims


@pytest.mark.parametrize("ledger", [EMPTY, held_by(OTHER)], ids=["a claim that was lost", "an unproven claim"])
def test_a_credential_that_proves_the_account_gets_the_claim(ledger: AttemptLedger) -> None:
    assert (Claim("app", REF, proven=True, since=LATER),) == prove(ledger, "app", REF, LATER).claims


@pytest.mark.parametrize("holder", [REF, OTHER, Ref("elsewhere", "alpha", "uid-alpha")])
def test_a_claim_is_proven_once(holder: Ref) -> None:
    assert held_by(holder, proven=True) == prove(held_by(holder, proven=True), "app", REF, LATER)


def test_a_deleted_credential_releases_its_own_claims_only() -> None:
    ledger = claim(claim(EMPTY, "app", ALPHA, NOON), "other-app", BETA, NOON)
    assert [OTHER] == [each.holder for each in unclaim(ledger, REF).claims]
    assert ledger == unclaim(ledger, SUCCESSOR)


def test_strangers_with_apps_of_their_own_neither_fill_the_ledger_nor_displace_a_proven_holder() -> None:
    ledger = held_by(REF, proven=True)
    for number in range(200):
        stranger = Claimant(Ref("elsewhere", f"stranger-{number}", f"uid-{number}"))
        ledger = claim(ledger, f"app-{number}", stranger, NOON)
    assert held_by(REF, proven=True).claims[0] == ledger.claims[0]
    assert [f"app-{n}" for n in range(200 - MOST_UNPROVEN, 200)] == [each.app for each in ledger.claims[1:]]
